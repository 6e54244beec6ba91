/** Input and output of a conversation: at a terminal a line is edited below what arrives, and is not broken by it. */
import { type Cause, Effect, type PlatformError, Queue, type Scope, type Stdio, Stream, type Terminal } from "effect"
import process, { stdin, stdout } from "node:process"
import * as Readline from "node:readline"
import { Readable } from "node:stream"
import { encodeForOutput, inputLines, isInteractive, write } from "./Output.ts"
import * as PastedText from "./PastedText.ts"
import type { TerminalText } from "./TerminalText.ts"

const prompt = "> "

/** How a line break within a line is shown. */
export const lineBreak = "⏎"

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

/** Node's editor, with the row of the cursor below the first row of the line, as it was drawn last. */
type Editor = Readline.Interface & { prevRows?: number }

/** Prints above the line that is being edited, in whole rows: the last, unfinished one is kept for the next call. */
class Printer {
  private readonly readline: Editor
  private readonly output: NodeJS.WriteStream
  private kept = ""

  constructor(readline: Editor, output: NodeJS.WriteStream) {
    this.readline = readline
    this.output = output
  }

  print(text: string): void {
    this.kept += text
    let end = this.kept.lastIndexOf("\n") + 1
    let rows = this.kept.slice(0, end)
    const columns = this.output.columns - 1
    for (let fold; (fold = foldRow(this.kept.slice(end), columns)) > 0; end += fold) {
      rows += `${this.kept.slice(end, end + fold)}\n`
    }
    this.kept = this.kept.slice(end)
    if (rows === "") return
    const { rows: below } = this.readline.getCursorPos()
    Readline.moveCursor(this.output, 0, -below)
    Readline.cursorTo(this.output, 0)
    Readline.clearScreenDown(this.output)
    // The prompt is drawn again from the row where it was last: as many rows above the cursor.
    this.output.write(rows + "\n".repeat(below))
    this.readline.prompt(true)
  }
}

/** Writes text, and reads lines. */
export interface LineEditor {
  readonly write: (...text: TerminalText) => Effect.Effect<void, never, Stdio.Stdio | Terminal.Terminal>
  readonly lines: Stream.Stream<string, PlatformError.PlatformError, Stdio.Stdio>
}

/** A source of keys for Node's editor, which takes pasted text in another way. */
const keySource = (input: NodeJS.ReadStream) =>
  Object.assign(new Readable({ read: () => {} }), { setRawMode: (raw: boolean) => void input.setRawMode(raw) })

/** Passes what the terminal sends on: keys as keys, and pasted text in one piece, with signs in place of its line breaks. */
const passInput = (input: NodeJS.ReadStream, keys: Readable, readline: Editor): () => void => {
  let received = PastedText.initial
  const onData = (piece: string) => {
    const [next, inputs] = PastedText.receive(received, piece)
    received = next
    for (const { _tag, text } of inputs) {
      if (_tag === "Text") readline.write(text.replaceAll("\n", lineBreak))
      // One by one: of several at once Node draws all but the last wherever the cursor is.
      else for (const character of text) keys.emit("data", character)
    }
  }
  const onEnd = () => readline.close()
  input.setEncoding("utf8").on("data", onData).on("end", onEnd)
  return () => {
    input.off("data", onData).off("end", onEnd)
    input.pause()
  }
}

/** Ctrl+C clears the line, as in a shell, and ends the program where it is empty. In raw mode it is a character. */
const interrupt = (readline: Editor): void => {
  if (readline.line === "") return void process.kill(process.pid, "SIGINT")
  readline.write(null, { ctrl: true, name: "e" })
  readline.write(null, { ctrl: true, name: "u" })
}

/** A line editor at a terminal, until the scope closes. */
export const makeEditor = Effect.fnUntraced(function*(input: NodeJS.ReadStream, output: NodeJS.WriteStream) {
  const lines = yield* Queue.unbounded<string, Cause.Done>()
  const keys = keySource(input)
  const readline = yield* Effect.acquireRelease(
    Effect.sync((): Editor => {
      output.write(PastedText.marking.on)
      return Readline.createInterface({ input: keys, output, prompt, terminal: true, historySize: 100 })
    }),
    (readline) =>
      Effect.sync(() => {
        readline.close()
        // The shell's prompt takes the place of this one.
        if (readline.line === "") Readline.cursorTo(output, 0)
        else output.write("\n")
        output.write(PastedText.marking.off)
      })
  )
  const onResize = () => {
    // The terminal has folded the line anew, and moved its first row with it.
    readline.prevRows = readline.getCursorPos().rows
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      output.prependListener("resize", onResize)
      return passInput(input, keys, readline)
    }),
    (stop) =>
      Effect.sync(() => {
        output.off("resize", onResize)
        stop()
      })
  )
  readline.on("line", (line) => {
    Queue.offerUnsafe(lines, line.replaceAll(lineBreak, "\n"))
    readline.prompt()
  })
  readline.on("close", () => Queue.endUnsafe(lines))
  readline.on("SIGINT", () => interrupt(readline))
  // After Ctrl+Z and `fg`.
  readline.on("SIGCONT", () => {
    output.write(PastedText.marking.on)
    readline.prompt(true)
  })
  const printer = new Printer(readline, output)
  readline.prompt()
  return {
    write: (...text) => Effect.map(encodeForOutput(text), (encoded) => printer.print(encoded)),
    lines: Stream.fromQueue(lines)
  } satisfies LineEditor
})

/** A line editor at a terminal; lines as they are in a pipe. */
export const make: Effect.Effect<LineEditor, never, Scope.Scope | Stdio.Stdio> = Effect.flatMap(
  isInteractive,
  (interactive) => interactive ? makeEditor(stdin, stdout) : Effect.succeed({ write, lines: inputLines })
)
