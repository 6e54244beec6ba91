/** The rows of a terminal that a text takes while it is typed. Pure. */
import { makeVisible } from "./TerminalText.ts"

/** The rows, none wider than the screen, and where the cursor is. */
export interface EditedRows {
  readonly rows: ReadonlyArray<Row>
  readonly cursorRow: number
  /** The part of that row before the cursor: a terminal that writes it again has its cursor there, however wide it is. */
  readonly beforeCursor: Row
}

/** Text, and at most how many columns it takes. */
export interface Row {
  readonly text: string
  readonly width: number
}

const prompt = "> "
const continued = "  "

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })

const zeroWidth = /[\p{M}\p{Cf}]/u
const doubleWidth =
  /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/**
 * At most how many columns what a person takes for one character is wide. Terminals differ on joined emoji: some draw one,
 * others all of them.
 */
const widthOf = (character: string): number => {
  let width = character.includes("\ufe0f") ? 1 : 0
  for (const point of character) width += zeroWidth.test(point) ? 0 : doubleWidth.test(point) ? 2 : 1
  return width
}

const show = (character: string): string => character === "\t" ? "  " : makeVisible(character)

/** Lays a text out on rows of less than `columns`, so that no terminal folds them itself. */
export const layOut = (text: string, cursor: number, columns: number): EditedRows => {
  const rows: Array<Row> = []
  let row: Row = { text: prompt, width: prompt.length }
  let cursorRow = -1
  let beforeCursor = row
  const begin = (next: string) => {
    rows.push(row)
    row = { text: next, width: next.length }
  }
  for (const { index, segment } of segmenter.segment(text)) {
    const shown = show(segment)
    const width = widthOf(shown)
    if (segment !== "\n" && row.width + width >= columns && row.text !== "") begin("")
    if (cursorRow < 0 && cursor <= index) [cursorRow, beforeCursor] = [rows.length, row]
    if (segment === "\n") begin(continued)
    else row = { text: row.text + shown, width: row.width + width }
  }
  if (cursorRow < 0) [cursorRow, beforeCursor] = [rows.length, row]
  return { rows: [...rows, row], cursorRow, beforeCursor }
}

/** The rows around the cursor that fit on a screen of `height`. */
export const clip = ({ beforeCursor, cursorRow, rows }: EditedRows, height: number): EditedRows => {
  const start = Math.max(0, Math.min(cursorRow - height + 1, rows.length - height))
  return { rows: rows.slice(start, start + height), cursorRow: cursorRow - start, beforeCursor }
}

/** How many rows the cursor is below the first one once a terminal has folded the rows for a new width. */
export const refoldedCursorRow = ({ beforeCursor, cursorRow, rows }: EditedRows, columns: number): number =>
  rows.slice(0, cursorRow).reduce((sum, { width }) => sum + Math.max(1, Math.ceil(width / columns)), 0)
  + Math.floor(beforeCursor.width / columns)
