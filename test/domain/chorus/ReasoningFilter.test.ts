import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as ReasoningFilter from "../../../src/domain/chorus/ReasoningFilter.ts"

const appendAll = (pieces: ReadonlyArray<string>, state = ReasoningFilter.initial) =>
  pieces.reduce(ReasoningFilter.append, state)
const answerOf = (...pieces: ReadonlyArray<string>) => ReasoningFilter.finish(appendAll(pieces))

const pairs = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<THOUGHT>", "</Thought>"],
  ["<reasoning>", "</reasoning>"],
  ["[THINK]", "[/THINK]"],
  ["◁think▷", "◁/think▷"],
  ["<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"]
] as const

const lower = (text: string) => text.toLowerCase()

/** Texts that are full of tags, parts of tags, and of what else an answer is searched for. */
const Piece = Schema.Union([
  Schema.String,
  Schema.Literals([
    ...pairs.flat(),
    "<thi",
    "nk>",
    "</",
    "[",
    "◁",
    "<|channel|>",
    "<<<data>>>",
    "{",
    "}",
    "\"",
    "`",
    " ",
    "\n",
    "\u0000",
    "𝄞",
    "İ",
    "Answer."
  ])
])
const texts = Arbitrary.map(Arbitrary.array(Arbitrary.schema(Piece), { maxLength: 12 }), (pieces) => pieces.join(""))
const Pair = Schema.Literals([0, 1, 2, 3, 4, 5, 6])

describe("ReasoningFilter", () => {
  it.prop("[CHO5] [FLT16] however a text is cut, the same state is reached", [texts, texts], ([a, b]) => {
    const state = appendAll([a])
    assert.deepStrictEqual(appendAll([b], state), appendAll([a + b]))
    assert.deepStrictEqual(appendAll([...a].flatMap((unit) => unit.split(""))), state)
  }, { arbitrary: { runs: 500 } })

  it.prop("[CHO5] an answer behind any reasoning in a block is the same as without", {
    pair: Pair,
    thinking: texts,
    answer: texts,
    cut: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 }))
  }, ({ answer, cut, pair, thinking }) => {
    const [open, close] = pairs[pair]
    const lastTag = lower(close).slice(close.lastIndexOf("<|channel|>"))
    // A block ends at its first closing tag, of which its text may hold or complete none.
    const block = `${open}${thinking}${close}`
    const plain = lower(`${thinking}${close}`.replaceAll("\u0000", ""))
    if (plain.indexOf(lastTag) !== plain.length - lastTag.length) return
    const whole = block + answer
    assert.strictEqual(answerOf(whole.slice(0, cut), whole.slice(cut)), answerOf(answer))
  }, { arbitrary: { runs: 500 } })

  it.prop("[CHO5] an answer behind any reasoning that only a closing tag ends is the same as without", {
    pair: Pair,
    thinking: Schema.String,
    answer: texts
  }, ({ answer, pair, thinking }) => {
    const { hasUntaggedReasoning: _, ...behind } = appendAll([`${thinking}.\n${pairs[pair][1]}${answer}`])
    const { hasUntaggedReasoning: __, ...alone } = appendAll([answer])
    assert.deepStrictEqual(behind, alone)
  }, { arbitrary: { runs: 300 } })

  it.prop("[CHO5] the answer of an answer is the answer", [texts], ([text]) => {
    assert.strictEqual(answerOf(answerOf(text)), answerOf(text))
  }, { arbitrary: { runs: 500 } })

  it.prop("[CHO5] a text without tags is the answer", [Schema.String], ([text]) => {
    const plain = text.replaceAll(/[^\P{Cc}\n\t]/gu, "")
    assert.strictEqual(answerOf(text), plain.trimStart())
  })

  it.each([
    "The tag <think> opens a block and </think> ends it.",
    "A block ends with `</think>`, not with \"</thinking>\".",
    "1 <thi",
    "x < y"
  ])("[CHO5] what an answer says about tags is kept: %s", (answer) => {
    assert.strictEqual(answerOf(answer), answer)
    assert.strictEqual(answerOf("<think>hm</think>\n", answer), answer)
  })

  it("[CHO5] nothing of a tag is part of the answer before the tag is complete", () => {
    for (const whole of ["<think>a</think>b", "a\n</think>b"]) {
      for (let length = 0; length <= whole.length; length++) {
        assert.include(["", "a", "a\n", "b"], appendAll([whole.slice(0, length)]).answer)
      }
    }
  })
})
