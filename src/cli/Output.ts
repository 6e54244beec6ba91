/** Writing to the terminal, or to whatever stands in its place. */
import { Config, Effect, Option, Stdio, Stream, Terminal } from "effect"
import * as Transcript from "./Transcript.ts"

export const write = (text: string) =>
  text === "" ? Effect.void : Effect.ignore(Effect.flatMap(Terminal.Terminal, (terminal) => terminal.display(text)))

/** Whether somebody looks at it. */
export const isTerminal = Effect.flatMap(Stdio.Stdio, (stdio) => stdio.stdoutIsTerminal)

/** Bold and dim on a terminal, unless `NO_COLOR` asks for none. */
export const outputStyle = Effect.gen(function*() {
  const plain = Option.isSome(yield* Effect.orElseSucceed(Config.option(Config.String("NO_COLOR")), Option.none))
  return !plain && (yield* isTerminal) ? Transcript.terminalStyle : Transcript.plainStyle
})

/** The lines somebody types, or that come through a pipe. */
export const inputLines = Stream.unwrap(Effect.map(Stdio.Stdio, (stdio) => stdio.stdin)).pipe(
  Stream.decodeText,
  Stream.splitLines
)
