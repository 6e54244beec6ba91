/** Input and output of a conversation: at a terminal a line is edited below what arrives, and is not broken by it. */
import { type Cause, Effect, type PlatformError, Queue, type Scope, type Stdio, Stream, type Terminal } from "effect"
import process, { stdin, stdout } from "node:process"
import * as Readline from "node:readline"
import { encodeForOutput, inputLines, isInteractive, write } from "./Output.ts"
import type { TerminalText } from "./TerminalText.ts"

const prompt = "> "

/** Ends with the column at the latest, at a space. */
const foldRow = (text: string, columns: number): number => text.lastIndexOf(" ", columns) + 1

/** Prints above the line that is being edited, in whole rows: the last, unfinished one is kept for the next call. */
class Printer {
  private readonly readline: Readline.Interface
  private kept = ""

  constructor(readline: Readline.Interface) {
    this.readline = readline
  }

  print(text: string): void {
    this.kept += text
    let end = this.kept.lastIndexOf("\n") + 1
    let rows = this.kept.slice(0, end)
    const columns = stdout.columns - 1
    for (
      let fold;
      this.kept.length - end > columns && (fold = foldRow(this.kept.slice(end), columns)) > 0;
      end += fold
    ) {
      rows += `${this.kept.slice(end, end + fold)}\n`
    }
    this.kept = this.kept.slice(end)
    if (rows === "") return
    const { rows: below } = this.readline.getCursorPos()
    Readline.moveCursor(stdout, 0, -below)
    Readline.cursorTo(stdout, 0)
    Readline.clearScreenDown(stdout)
    // The prompt is drawn again from the row where it was last: as many rows above the cursor.
    stdout.write(rows + "\n".repeat(below))
    this.readline.prompt(true)
  }
}

/** Writes text, and reads lines. */
export interface LineEditor {
  readonly write: (...text: TerminalText) => Effect.Effect<void, never, Stdio.Stdio | Terminal.Terminal>
  readonly lines: Stream.Stream<string, PlatformError.PlatformError, Stdio.Stdio>
}

const makeEditor: Effect.Effect<LineEditor, never, Scope.Scope> = Effect.gen(function*() {
  const lines = yield* Queue.unbounded<string, Cause.Done>()
  const readline = yield* Effect.acquireRelease(
    Effect.sync(() => Readline.createInterface({ input: stdin, output: stdout, prompt, historySize: 100 })),
    (readline) => Effect.sync(() => readline.close())
  )
  readline.on("line", (line) => {
    Queue.offerUnsafe(lines, line)
    readline.prompt()
  })
  readline.on("close", () => Queue.endUnsafe(lines))
  // In raw mode Ctrl+C is a character.
  readline.on("SIGINT", () => process.kill(process.pid, "SIGINT"))
  const printer = new Printer(readline)
  readline.prompt()
  return {
    write: (...text: TerminalText) => Effect.map(encodeForOutput(text), (encoded) => printer.print(encoded)),
    lines: Stream.fromQueue(lines)
  }
})

/** A line editor at a terminal; lines as they are in a pipe. */
export const make: Effect.Effect<LineEditor, never, Scope.Scope | Stdio.Stdio> = Effect.flatMap(
  isInteractive,
  (interactive) => interactive ? makeEditor : Effect.succeed({ write, lines: inputLines })
)
