/** `choir ask`: sends one question to the Chorus and prints its six steps as they arrive, then the cited answer. */
import { Effect, Fiber, Option, Stdio, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { commandId } from "../client/Client.ts"
import { isFinished } from "../domain/chorus/ChorusRun.ts"
import type { CommandId } from "../domain/protocol/Ids.ts"
import { validateContent } from "../domain/topic/MessageContent.ts"
import { CliError } from "./CliError.ts"
import { awaitLoaded, connect, openThreadOrPrivate, threadFlag, type ThreadTopic } from "./Connect.ts"
import { readInput, write } from "./Output.ts"
import * as Transcript from "./Transcript.ts"

/** The title of the user's private thread for questions without `--thread`. */
const questionsTitle = "Questions"

const questionArgument = Argument.String("question").pipe(
  Argument.withDescription("The question; without one it is read from standard input"),
  Argument.variadic()
)

/** The words of the question, or standard input where nobody types. */
const readQuestion = Effect.fnUntraced(function*(words: ReadonlyArray<string>) {
  if (words.length > 0) return words.join(" ")
  const { stdinIsTerminal } = yield* Stdio.Stdio
  return (yield* stdinIsTerminal)
    ? yield* new CliError({ message: "Ask something: choir ask \"Why do bridges sing?\"" })
    : (yield* Effect.mapError(readInput, () => new CliError({ message: "Standard input cannot be read." }))).trim()
})

/** Rejects a question that the server would reject, before a connection is made. */
const validateQuestion = (question: string): Effect.Effect<string, CliError> => {
  const problem = validateContent(question)
  return problem === undefined
    ? Effect.succeed(question)
    : Effect.fail(new CliError({ message: `The question is invalid: ${problem}.` }))
}

/** Prints a run until it has finished. Fails if it was cancelled or failed. */
const printRun = Effect.fnUntraced(function*(topic: ThreadTopic, prompt: CommandId) {
  let printed = Transcript.initial
  const finished = yield* topic.views.pipe(
    Stream.mapEffect((view) => {
      const run = view.state.runs.find((run) => run.prompt_id === prompt)
      if (run === undefined) return Effect.as(Effect.void, undefined)
      const running = view.partialOutputs.find((text) => text.prompt_id === prompt)
      const [next, text] = Transcript.render(printed, run, running)
      printed = next
      return Effect.as(write(...text), isFinished(run) && view.optimisticCommands.length === 0 ? run : undefined)
    }),
    Stream.filter((run) => run !== undefined),
    Stream.runHead
  )
  if (Option.isSome(finished) && finished.value.status === "yielded") return
  return yield* new CliError({ message: "The run ended without an answer." })
})

/** The command `choir ask`. */
export const ask = Command.make(
  "ask",
  {
    question: questionArgument,
    thread: Flag.optional(threadFlag(`Default: your private thread "${questionsTitle}".`))
  },
  ({ question, thread }) =>
    Effect.scoped(Effect.gen(function*() {
      const content = yield* validateQuestion(yield* readQuestion(question))
      const client = yield* connect
      const topic = yield* openThreadOrPrivate(client, thread, questionsTitle)
      yield* awaitLoaded(topic)
      const id = commandId()
      const printing = yield* Effect.forkScoped(printRun(topic, id))
      yield* topic.send({ _tag: "submit_prompt", prompt: content }, id)
      yield* Fiber.join(printing)
    }))
).pipe(
  Command.withDescription("Ask the Chorus a question; prints its six steps and the cited answer."),
  Command.withExamples([
    { command: "choir ask \"Why do bridges sing?\"", description: "Ask over all threads that you may read" }
  ])
)
