/** Standard input and output of the command line. Everything that is printed passes here, and is made harmless. */
import { Config, Effect, Option, Stdio, Stream, Terminal } from "effect"
import process from "node:process"
import { encode, makeVisible, type TerminalText } from "./TerminalText.ts"

/** Whether standard output is a terminal. */
export const isTerminal = Effect.flatMap(Stdio.Stdio, (stdio) => stdio.stdoutIsTerminal)

/** Whether a person types at a terminal and reads there. */
export const isInteractive = Effect.flatMap(
  Stdio.Stdio,
  (stdio) => Effect.zipWith(stdio.stdinIsTerminal, stdio.stdoutIsTerminal, (input, output) => input && output)
)

/** The characters to print: emphasised on a terminal, unless `NO_COLOR` is set (no-color.org). */
export const encodeForOutput = Effect.fnUntraced(function*(text: TerminalText) {
  const plain = Option.isSome(yield* Effect.orElseSucceed(Config.option(Config.String("NO_COLOR")), Option.none))
  return encode(text, !plain && (yield* isTerminal))
})

/** An error is ignored: `run` handles a closed pipe. */
const display = (encoded: string) =>
  encoded === ""
    ? Effect.void
    : Effect.ignore(Effect.flatMap(Terminal.Terminal, (terminal) => terminal.display(encoded)))

/** Writes to standard output. */
export const write = (...text: TerminalText) => Effect.flatMap(encodeForOutput(text), display)

/** Writes in place of the line at the cursor of a terminal, and leaves it when it is the last to come. */
export const writeOver = (line: string, isLast: boolean) =>
  display(`\r${makeVisible(line)}\u001b[K${isLast ? "\n" : ""}`)

/** Writes a line to standard error. */
export const writeError = (line: string): void => void process.stderr.write(`${makeVisible(line)}\n`)

/** The text of standard input. */
const inputText = Stream.unwrap(Effect.map(Stdio.Stdio, (stdio) => stdio.stdin)).pipe(Stream.decodeText)

/** The lines of standard input. */
export const inputLines = Stream.splitLines(inputText)

/** All of standard input. */
export const readInput = Stream.mkString(inputText)
