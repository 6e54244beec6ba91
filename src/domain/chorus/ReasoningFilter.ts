/**
 * Separates a model's answer from the reasoning that some models write before it into the same text: a block between
 * tags, or a text that only a closing tag ends, where the opening one is part of the model's own prompt template.
 *
 * ```text
 *             opening tag                        other text
 *  beginning ------------> reasoning   beginning ----------> answer
 *      ^                       |           ^                    |
 *      `------ its closing tag-'           `--------------------'
 *                                a closing tag that nothing opened: the text before it was reasoning
 * ```
 *
 * Invariants:
 * 1. However a text is cut into pieces, the same states are reached (FLT16).
 * 2. After reasoning the state is that of the beginning: an answer behind it is the same as without it.
 */
import { stripControlCharacters } from "../protocol/Text.ts"

/** The state after a part of the text. `answer` is what is known to be no reasoning, without leading white space. */
export interface ReasoningState {
  readonly phase: "beginning" | "reasoning" | "answer"
  /** The tag pair of the reasoning block. */
  readonly block: TagPair | undefined
  /** The tag pairs that the answer itself opened. */
  readonly opened: ReadonlyArray<TagPair>
  /** The end of the text that may be the beginning of a tag. */
  readonly pending: string
  readonly answer: string
  /** Whether text that had been taken for the answer was reasoning. */
  readonly hasUntaggedReasoning: boolean
}

/** The tags of a reasoning block, in lower case. */
export interface TagPair {
  readonly open: string
  readonly close: string
}

/** The tags that models write: Qwen, DeepSeek and others; Gemini; Magistral; Kimi; gpt-oss. */
const tagPairs: ReadonlyArray<TagPair> = [
  { open: "<think>", close: "</think>" },
  { open: "<thinking>", close: "</thinking>" },
  { open: "<thought>", close: "</thought>" },
  { open: "<reasoning>", close: "</reasoning>" },
  { open: "[think]", close: "[/think]" },
  { open: "◁think▷", close: "◁/think▷" },
  { open: "<|channel|>analysis<|message|>", close: "<|channel|>final<|message|>" }
]
const tags = tagPairs.flatMap(({ close, open }) => [open, close])
const maxTagLength = Math.max(...tags.map((tag) => tag.length))
const tagPattern = new RegExp(tags.map((tag) => tag.replaceAll(/[[\]|]/g, "\\$&")).join("|"), "gi")

/** Nothing has been received. */
export const initial: ReasoningState = {
  phase: "beginning",
  block: undefined,
  opened: [],
  pending: "",
  answer: "",
  hasUntaggedReasoning: false
}

/** The state after the next piece of the text. Control characters are removed: they must not hide a tag. */
export const append = (state: ReasoningState, piece: string): ReasoningState => {
  const text = state.pending + stripControlCharacters(piece)
  let next: ReasoningState = { ...state, pending: "" }
  let position = 0
  for (const match of text.matchAll(tagPattern)) {
    next = appendTag(appendText(next, text.slice(position, match.index)), match[0])
    position = match.index + match[0].length
  }
  const pendingLength = tagOverlap(text.slice(position))
  const end = text.length - pendingLength
  return { ...appendText(next, text.slice(position, end)), pending: text.slice(end) }
}

/** The whole text has been received: its answer, with an end that looked like the beginning of a tag. */
export const finish = (state: ReasoningState): string => appendText(state, state.pending).answer

const appendText = (state: ReasoningState, text: string): ReasoningState => {
  switch (state.phase) {
    case "reasoning":
      return state
    case "answer":
      return text === "" ? state : { ...state, answer: state.answer + text }
    case "beginning": {
      const answer = text.trimStart()
      return answer === "" ? state : { ...state, phase: "answer", answer }
    }
  }
}

const appendTag = (state: ReasoningState, tag: string): ReasoningState => {
  const isOpen = (pair: TagPair) => pair.open === tag.toLowerCase()
  const pair = tagPairs.find((pair) => isOpen(pair) || pair.close === tag.toLowerCase())
  if (pair === undefined) return state
  switch (state.phase) {
    case "beginning":
      return isOpen(pair) ? { ...state, phase: "reasoning", block: pair } : state
    case "reasoning":
      return state.block === pair && !isOpen(pair) ? { ...state, phase: "beginning", block: undefined } : state
    case "answer":
      if (isOpen(pair)) return appendText({ ...state, opened: [...new Set(state.opened).add(pair)] }, tag)
      return state.opened.includes(pair) || isQuoted(state.answer)
        ? appendText(state, tag)
        : { ...initial, hasUntaggedReasoning: true }
  }
}

/** Whether a tag behind `text` is written about, and not used. */
const isQuoted = (text: string): boolean => /[`"'“‘„«(]$/.test(text.slice(-1))

/** The number of units at the end that may begin a tag. */
const tagOverlap = (text: string): number => {
  const end = text.slice(-maxTagLength).toLowerCase()
  for (let length = Math.min(maxTagLength - 1, end.length); length > 0; length--) {
    if (tags.some((tag) => tag.startsWith(end.slice(-length)))) return length
  }
  return 0
}
