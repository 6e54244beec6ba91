/** Input and output of a conversation: at a terminal a text is edited below what arrives, and is not broken by it. */
import { type Cause, Effect, type PlatformError, Queue, type Scope, type Stdio, Stream, type Terminal } from "effect"
import process, { stdin, stdout } from "node:process"
import * as Readline from "node:readline"
import * as EditedLine from "./EditedLine.ts"
import { clip, type EditedRows, layOut, refoldedCursorRow } from "./EditedRows.ts"
import { encodeForOutput, inputLines, isInteractive, write } from "./Output.ts"
import type { TerminalText } from "./TerminalText.ts"

/** The characters of scripts without spaces, which take two columns. */
const wide = /[\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/

/** How much of a text makes a full row, up to a space where there is one; 0 while the row is not full. */
const foldRow = (text: string, columns: number): number => {
  const half = Math.floor(columns / 2)
  const isWide = wide.test(text.charAt(half))
  const limit = isWide ? half : columns
  if (text.length <= limit) return 0
  const space = text.lastIndexOf(" ", limit)
  return space >= 0 ? space + 1 : isWide ? limit : text.indexOf(" ", limit) + 1
}

/** The terminal tells pasted text from keys by marks around it. */
const pasteMarks = { on: "\u001b[?2004h", off: "\u001b[?2004l" } as const

const up = (rows: number): string => rows > 0 ? `\u001b[${rows}A` : ""
const clearBelow = "\u001b[J"
const clearScreen = "\u001b[H\u001b[2J"

/** Draws the edited text below what was printed. Of what arrives, an unfinished row is kept for the next call. */
class Display {
  private readonly output: NodeJS.WriteStream
  private drawn: EditedRows | undefined
  private kept = ""

  constructor(output: NodeJS.WriteStream) {
    this.output = output
  }

  draw({ cursor, text }: EditedLine.EditedLine): void {
    this.output.write(this.erase() + this.show(clip(layOut(text, cursor, this.columns), this.height)))
  }

  /** Prints text above the edited one. */
  print(text: string, { cursor, text: edited }: EditedLine.EditedLine): void {
    this.kept += text
    let end = this.kept.lastIndexOf("\n") + 1
    let rows = this.kept.slice(0, end)
    for (let fold; (fold = foldRow(this.kept.slice(end), this.columns - 1)) > 0; end += fold) {
      rows += `${this.kept.slice(end, end + fold)}\n`
    }
    this.kept = this.kept.slice(end)
    if (rows === "") return
    this.output.write(this.erase() + rows + this.show(clip(layOut(edited, cursor, this.columns), this.height)))
  }

  /** Leaves the whole text as it is, and begins a new row below it. */
  finish({ text }: EditedLine.EditedLine): void {
    this.output.write(`${this.erase()}${this.show(layOut(text, text.length, this.columns))}\n`)
    this.drawn = undefined
  }

  /** The terminal has folded the rows for its new width, and the cursor with them. */
  resize(line: EditedLine.EditedLine): void {
    if (this.drawn !== undefined) {
      this.drawn = { ...this.drawn, cursorRow: refoldedCursorRow(this.drawn, this.columns) }
    }
    this.draw(line)
  }

  clear(line: EditedLine.EditedLine): void {
    this.output.write(clearScreen)
    this.drawn = undefined
    this.draw(line)
  }

  /** Takes the edited text away. */
  remove(): void {
    this.output.write(this.erase())
  }

  private erase(): string {
    const above = this.drawn?.cursorRow ?? 0
    this.drawn = undefined
    return `${up(above)}\r${clearBelow}`
  }

  private show(drawn: EditedRows): string {
    const { beforeCursor, cursorRow, rows } = drawn
    this.drawn = drawn
    return `${rows.map(({ text }) => text).join("\n")}${up(rows.length - 1 - cursorRow)}\r${beforeCursor.text}`
  }

  private get columns(): number {
    return this.output.columns || 80
  }

  private get height(): number {
    return Math.max(1, (this.output.rows || 24) - 1)
  }
}

/** Writes text, and reads lines. */
export interface LineEditor {
  readonly write: (...text: TerminalText) => Effect.Effect<void, never, Stdio.Stdio | Terminal.Terminal>
  readonly lines: Stream.Stream<string, PlatformError.PlatformError, Stdio.Stdio>
}

/** Applies keys to the text, and draws it after each piece of input. */
class Editor {
  readonly display: Display
  private readonly input: NodeJS.ReadStream
  private readonly output: NodeJS.WriteStream
  private readonly lines: Queue.Queue<string, Cause.Done>
  line = EditedLine.empty

  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream, lines: Queue.Queue<string, Cause.Done>) {
    this.input = input
    this.output = output
    this.lines = lines
    this.display = new Display(output)
  }

  start(): void {
    Readline.emitKeypressEvents(this.input)
    // Keys are told before the piece of input that they are in.
    this.input.on("keypress", this.onKey).on("data", this.onChange).on("end", this.onEnd)
    this.output.on("resize", this.onResize)
    this.takeTerminal()
    this.input.resume()
  }

  stop(): void {
    if (this.line.text === "") this.display.remove()
    else this.display.finish(this.line)
    this.input.off("keypress", this.onKey).off("data", this.onChange).off("end", this.onEnd)
    this.output.off("resize", this.onResize)
    process.off("SIGCONT", this.takeTerminal)
    this.releaseTerminal()
    this.input.pause()
  }

  private readonly takeTerminal = () => {
    this.input.setRawMode(true)
    this.output.write(pasteMarks.on)
    this.onChange()
  }

  private releaseTerminal(): void {
    this.output.write(pasteMarks.off)
    this.input.setRawMode(false)
  }

  private readonly onChange = () => this.display.draw(this.line)
  private readonly onEnd = () => void Queue.endUnsafe(this.lines)
  private readonly onResize = () => this.display.resize(this.line)

  private readonly onKey = (_text: string | undefined, key: EditedLine.Key) => {
    const [next, request] = EditedLine.press(this.line, key)
    this.line = next
    switch (request) {
      case undefined:
        return
      case "send":
        this.display.finish(next)
        this.line = EditedLine.afterSend(next)
        return void Queue.offerUnsafe(this.lines, next.text)
      case "interrupt":
        return void process.kill(process.pid, "SIGINT")
      case "end":
        return this.onEnd()
      case "clearScreen":
        return this.display.clear(next)
      case "suspend":
        return this.suspend()
    }
  }

  /** Until the shell's `fg`. */
  private suspend(): void {
    if (process.platform === "win32") return
    this.display.remove()
    this.releaseTerminal()
    process.once("SIGCONT", this.takeTerminal)
    process.kill(process.pid, "SIGTSTP")
  }
}

/** An editor at a terminal, until the scope closes. */
export const makeEditor = Effect.fnUntraced(function*(input: NodeJS.ReadStream, output: NodeJS.WriteStream) {
  const lines = yield* Queue.unbounded<string, Cause.Done>()
  const editor = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const editor = new Editor(input, output, lines)
      editor.start()
      return editor
    }),
    (editor) => Effect.sync(() => editor.stop())
  )
  return {
    write: (...text) => Effect.map(encodeForOutput(text), (encoded) => editor.display.print(encoded, editor.line)),
    lines: Stream.fromQueue(lines)
  } satisfies LineEditor
})

/** An editor at a terminal; lines as they are in a pipe. */
export const make: Effect.Effect<LineEditor, never, Scope.Scope | Stdio.Stdio> = Effect.flatMap(
  isInteractive,
  (interactive) => interactive ? makeEditor(stdin, stdout) : Effect.succeed({ write, lines: inputLines })
)
