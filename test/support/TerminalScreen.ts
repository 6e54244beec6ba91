/**
 * A terminal for tests: what a program writes, as lines on a screen without an end. A line that is wider than the screen is
 * folded, and folded anew when the width changes, as terminals do.
 */
import { Writable } from "node:stream"

/** Characters of two columns, as the tests use them. */
const isWide = (character: string): boolean => /\p{Emoji_Presentation}|\p{Script=Han}/u.test(character)

/** The output of a program at a terminal. */
export class TerminalScreen extends Writable {
  readonly isTTY = true
  columns: number
  rows = 24
  /** The cells of each line; the second cell of a wide character is empty. */
  private readonly cells: Array<Array<string>> = [[]]
  private line = 0
  private cell = 0
  /** The last column was written: the cursor stands on it still. */
  private isFull = false

  constructor(columns: number) {
    super({ decodeStrings: false })
    this.columns = columns
  }

  /** The lines, without spaces at their ends. */
  get lines(): ReadonlyArray<string> {
    return this.cells.map((cells) => cells.join("").trimEnd())
  }

  /** The text of the line with the cursor, up to the cursor. */
  get beforeCursor(): string {
    return this.cells[this.line]!.slice(0, this.cell).join("")
  }

  resize(columns: number): void {
    this.columns = columns
    this.emit("resize")
  }

  override _write(text: string, _encoding: BufferEncoding, done: () => void): void {
    // oxlint-disable-next-line no-control-regex
    for (const [, mode, count, command, character] of text.matchAll(/\u001b\[(\??)(\d*)([A-Za-z])|(.)/gsu)) {
      if (character !== undefined) this.writeCharacter(character)
      else if (mode === "") this.control(command!, Number(count === "" ? 1 : count))
    }
    done()
  }

  private get row(): number {
    return Math.floor((this.isFull ? this.cell - 1 : this.cell) / this.columns)
  }

  private lastRow(line: number): number {
    return Math.max(0, Math.ceil(this.cells[line]!.length / this.columns) - 1)
  }

  private moveTo(line: number, row: number, column: number): void {
    this.line = line
    this.cell = row * this.columns + column
    this.isFull = false
  }

  private writeCharacter(character: string): void {
    const { line, row } = this
    if (character === "\r") this.moveTo(line, row, 0)
    else if (character === "\n") {
      if (row < this.lastRow(line)) return this.moveTo(line, row + 1, 0)
      if (line + 1 === this.cells.length) this.cells.push([])
      this.moveTo(line + 1, 0, 0)
    } else if (character === "\t") {
      do this.put(" ")
      while (this.cell % this.columns % 8 !== 0)
    } else this.put(character)
  }

  private put(character: string): void {
    const cells = this.cells[this.line]!
    if (/[\p{M}\p{Cf}]/u.test(character)) {
      cells[cells[this.cell - 1] === "" ? this.cell - 2 : this.cell - 1] += character
      return
    }
    const width = isWide(character) ? 2 : 1
    while (cells.length < this.cell) cells.push(" ")
    if (width === 2 && this.cell % this.columns === this.columns - 1) cells[this.cell++] = ""
    cells[this.cell++] = character
    if (width === 2) cells[this.cell++] = ""
    this.isFull = this.cell % this.columns === 0
  }

  private control(command: string, count: number): void {
    const { line, row } = this
    const column = (this.isFull ? this.cell - 1 : this.cell) % this.columns
    const moves: Readonly<Record<string, () => void>> = {
      A: () => this.moveRows(-1, count, column),
      B: () => this.moveRows(1, count, column),
      C: () => this.moveTo(line, row, Math.min(this.columns - 1, column + count)),
      D: () => this.moveTo(line, row, Math.max(0, column - count)),
      G: () => this.moveTo(line, row, count - 1),
      // To the end of the screen.
      J: () => {
        this.cells[line]!.length = Math.min(this.cells[line]!.length, this.cell)
        this.cells.length = line + 1
      }
    }
    const move = moves[command]
    if (move === undefined) throw new Error(`The screen does not know CSI ${count} ${command}`)
    move()
  }

  private moveRows(direction: 1 | -1, count: number, column: number): void {
    let { line, row } = this
    for (let n = 0; n < count; n++) {
      if (direction === -1 && row === 0 && line > 0) row = this.lastRow(--line)
      else if (direction === -1 && row > 0) row -= 1
      else if (direction === 1 && row < this.lastRow(line)) row += 1
      else if (direction === 1 && line + 1 < this.cells.length) [line, row] = [line + 1, 0]
    }
    this.moveTo(line, row, column)
  }
}
