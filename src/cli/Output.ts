/** Standard input and output of the command line. */
import { Config, Effect, Option, Stdio, Stream, Terminal } from "effect"
import * as Transcript from "./Transcript.ts"

/** Writes to standard output. An error is ignored: `run` handles a closed pipe. */
export const write = (text: string) =>
  text === "" ? Effect.void : Effect.ignore(Effect.flatMap(Terminal.Terminal, (terminal) => terminal.display(text)))

/** Whether standard output is a terminal. */
export const isTerminal = Effect.flatMap(Stdio.Stdio, (stdio) => stdio.stdoutIsTerminal)

/** Bold and dim text on a terminal, unless `NO_COLOR` is set (no-color.org); otherwise plain. */
export const outputStyle = Effect.gen(function*() {
  const plain = Option.isSome(yield* Effect.orElseSucceed(Config.option(Config.String("NO_COLOR")), Option.none))
  return !plain && (yield* isTerminal) ? Transcript.terminalStyle : Transcript.plainStyle
})

/** The lines of standard input. */
export const inputLines = Stream.unwrap(Effect.map(Stdio.Stdio, (stdio) => stdio.stdin)).pipe(
  Stream.decodeText,
  Stream.splitLines
)
