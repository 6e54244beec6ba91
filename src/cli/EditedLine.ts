/** A text that is being typed at a terminal, and what keys do to it. Pure. */
import { stripControlCharacters } from "../domain/protocol/Text.ts"

/** A key as Node names it (`readline.emitKeypressEvents`). */
export interface Key {
  readonly sequence: string
  readonly name?: string | undefined
  readonly ctrl?: boolean
  readonly meta?: boolean
}

/** The text with the cursor before the unit at `cursor`; it may have several lines. */
export interface EditedLine {
  readonly text: string
  readonly cursor: number
  /** What was cut last. */
  readonly cut: string
  /** What was sent before, oldest first. */
  readonly history: ReadonlyArray<string>
  /** Which of `history` the text was taken from; its length if from none. */
  readonly recalled: number
  /** The text that stood there before others were recalled. */
  readonly draft: string
  /** What has come of a text that is being pasted. */
  readonly pasted: string | undefined
}

/** Nothing typed. */
export const empty: EditedLine = {
  text: "",
  cursor: 0,
  cut: "",
  history: [],
  recalled: 0,
  draft: "",
  pasted: undefined
}

/** What a key asks for besides a change of the text. */
export type Request = "clearScreen" | "end" | "interrupt" | "send" | "suspend"

const pasteBegin = "\u001b[200~"
const pasteEnd = "\u001b[201~"

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** What a person takes for one character, at an index of a text. */
const characterAt = (text: string, index: number) => segmenter.segment(text).containing(index)

const left = ({ cursor, text }: EditedLine): number => cursor === 0 ? 0 : characterAt(text, cursor - 1)?.index ?? 0

const right = ({ cursor, text }: EditedLine): number => {
  const character = characterAt(text, cursor)
  return character === undefined ? text.length : character.index + character.segment.length
}

const isSpace = (text: string, index: number): boolean => /\s/.test(text.charAt(index))

const wordLeft = ({ cursor, text }: EditedLine): number => {
  let index = cursor
  while (index > 0 && isSpace(text, index - 1)) index -= 1
  while (index > 0 && !isSpace(text, index - 1)) index -= 1
  return index
}

const wordRight = ({ cursor, text }: EditedLine): number => {
  let index = cursor
  while (index < text.length && isSpace(text, index)) index += 1
  while (index < text.length && !isSpace(text, index)) index += 1
  return index
}

const startOf = (text: string, index: number): number => index === 0 ? 0 : text.lastIndexOf("\n", index - 1) + 1

const endOf = (text: string, index: number): number => {
  const end = text.indexOf("\n", index)
  return end < 0 ? text.length : end
}

const lineStart = ({ cursor, text }: EditedLine): number => startOf(text, cursor)
const lineEnd = ({ cursor, text }: EditedLine): number => endOf(text, cursor)

const insert = (line: EditedLine, added: string): EditedLine => ({
  ...line,
  text: line.text.slice(0, line.cursor) + added + line.text.slice(line.cursor),
  cursor: line.cursor + added.length
})

/** Without the text between the cursor and another index. */
const remove = (line: EditedLine, to: number): EditedLine => {
  const [start, end] = [Math.min(line.cursor, to), Math.max(line.cursor, to)]
  return { ...line, text: line.text.slice(0, start) + line.text.slice(end), cursor: start }
}

const cutTo = (line: EditedLine, to: number): EditedLine =>
  to === line.cursor
    ? line
    : { ...remove(line, to), cut: line.text.slice(Math.min(line.cursor, to), Math.max(line.cursor, to)) }

/** The text that was sent `step` after the shown one, or the draft after the last. */
const recall = (line: EditedLine, step: -1 | 1): EditedLine => {
  const recalled = line.recalled + step
  if (recalled < 0 || recalled > line.history.length) return line
  const draft = line.recalled === line.history.length ? line.text : line.draft
  const text = line.history[recalled] ?? draft
  return { ...line, recalled, draft, text, cursor: text.length }
}

/** To the same place in the line above or below; beyond the first or last one, to what was sent before or after. */
const moveVertically = (line: EditedLine, step: -1 | 1): EditedLine => {
  const { cursor, text } = line
  const edge = step < 0 ? lineStart(line) - 1 : lineEnd(line)
  if (edge < 0 || edge === text.length) return recall(line, step)
  const start = step < 0 ? startOf(text, edge) : edge + 1
  const target = Math.min(start + cursor - lineStart(line), endOf(text, start))
  return { ...line, cursor: characterAt(text, target)?.index ?? target }
}

type Edit = (line: EditedLine) => EditedLine

const move = (to: (line: EditedLine) => number): Edit => (line) => ({ ...line, cursor: to(line) })

/** Up to the other end of the line, or where that is reached, across it. */
const cutLine = (edge: (line: EditedLine) => number, across: (line: EditedLine) => number): Edit => (line) =>
  cutTo(line, edge(line) === line.cursor ? across(line) : edge(line))

const edits: ReadonlyMap<string, Edit> = new Map(
  ([
    [["left", "C-b"], move(left)],
    [["right", "C-f"], move(right)],
    [["C-left", "M-left", "M-b"], move(wordLeft)],
    [["C-right", "M-right", "M-f"], move(wordRight)],
    [["home", "C-a"], move(lineStart)],
    [["end", "C-e"], move(lineEnd)],
    [["up", "C-p"], (line) => moveVertically(line, -1)],
    [["down", "C-n"], (line) => moveVertically(line, 1)],
    [["backspace", "C-h"], (line) => remove(line, left(line))],
    [["delete", "C-d"], (line) => remove(line, right(line))],
    [["C-w", "C-backspace", "M-backspace"], (line) => cutTo(line, wordLeft(line))],
    [["C-delete", "M-delete", "M-d"], (line) => cutTo(line, wordRight(line))],
    [["C-u"], cutLine(lineStart, left)],
    [["C-k"], cutLine(lineEnd, right)],
    [["C-y"], (line) => insert(line, line.cut)],
    [["C-c"], (line) => ({ ...line, text: "", cursor: 0, cut: line.text, recalled: line.history.length })],
    [["M-return", "M-enter"], (line) => insert(line, "\n")]
  ] satisfies ReadonlyArray<readonly [ReadonlyArray<string>, Edit]>).flatMap(([names, edit]) =>
    names.map((name): readonly [string, Edit] => [name, edit])
  )
)

const chordOf = ({ ctrl = false, meta = false, name = "" }: Key): string =>
  `${ctrl ? "C-" : ""}${meta ? "M-" : ""}${name}`

const requestOf = (chord: string, { text }: EditedLine): Request | undefined => {
  if (chord === "return" || chord === "enter") return "send"
  if (chord === "C-l") return "clearScreen"
  if (chord === "C-z") return "suspend"
  if (text !== "") return undefined
  return chord === "C-c" ? "interrupt" : chord === "C-d" ? "end" : undefined
}

const collectPaste = (line: EditedLine, pasted: string, { sequence }: Key): EditedLine =>
  sequence === pasteEnd
    ? insert({ ...line, pasted: undefined }, stripControlCharacters(pasted.replaceAll(/\r\n?|[\u2028\u2029]/g, "\n")))
    : { ...line, pasted: pasted + sequence }

/** The text after a key, and what else the key asks for. */
export const press = (line: EditedLine, key: Key): readonly [EditedLine, Request | undefined] => {
  if (line.pasted !== undefined) return [collectPaste(line, line.pasted, key), undefined]
  if (key.sequence === pasteBegin) return [{ ...line, pasted: "" }, undefined]
  const chord = chordOf(key)
  const request = requestOf(chord, line)
  if (request !== undefined) return [line, request]
  const edit = edits.get(chord)
  if (edit !== undefined) return [edit(line), undefined]
  const isText = !key.ctrl && !key.meta && stripControlCharacters(key.sequence) === key.sequence
  return [isText ? insert(line, key.sequence) : line, undefined]
}

/** How many texts that were sent are kept. */
const maxHistory = 100

/** After the text was sent. */
export const afterSend = (line: EditedLine): EditedLine => {
  const isNew = line.text.trim() !== "" && line.text !== line.history.at(-1)
  const history = isNew ? [...line.history, line.text].slice(-maxHistory) : line.history
  return { ...empty, cut: line.cut, history, recalled: history.length }
}
