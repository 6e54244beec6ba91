/** `choir ask`: one question to the Chorus, its six steps as they come, and the cited answer. */
import { Effect, Fiber, Option, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { commandId } from "../client/Client.ts"
import { isOver } from "../domain/chorus/ChorusRun.ts"
import type { CommandId } from "../domain/Ids.ts"
import { contentFault } from "../domain/kinds/Text.ts"
import { connect, named, ownPrivate, ready, type ThreadTopic } from "./Connect.ts"
import { Failure } from "./Failure.ts"
import { style, write } from "./Output.ts"
import * as Transcript from "./Transcript.ts"

/** The caller's own thread that questions go to when no other is named; nobody else reads it. */
const questionsTitle = "Questions"

const question = Argument.String("question").pipe(Argument.withDescription("What to ask"))
const thread = Flag.String("thread").pipe(
  Flag.withDescription(`The thread to ask in, by its id. Otherwise your own private thread "${questionsTitle}".`),
  Flag.optional
)

/** A question as it may be sent, or what is wrong with it. */
const checked = (question: string): Effect.Effect<string, Failure> => {
  const fault = contentFault(question)
  return fault === undefined
    ? Effect.succeed(question)
    : Effect.fail(new Failure({ message: `The question cannot be asked: ${fault}.` }))
}

/** Prints a run until it is over. Fails when it brought no answer. */
const follow = Effect.fnUntraced(function*(topic: ThreadTopic, prompt: CommandId) {
  const look = yield* style
  let printed = Transcript.nothing
  const over = yield* topic.views.pipe(
    Stream.mapEffect((view) => {
      const run = view.state.runs.find((run) => run.prompt_id === prompt)
      if (run === undefined) return Effect.as(Effect.void, undefined)
      const running = view.running.find((text) => text.prompt_id === prompt)
      const [next, text] = Transcript.advance(printed, run, running, look)
      printed = next
      return Effect.as(write(text), isOver(run) && view.pending.length === 0 ? run : undefined)
    }),
    Stream.filter((run) => run !== undefined),
    Stream.runHead
  )
  if (Option.isSome(over) && over.value.status === "yielded") return
  return yield* new Failure({ message: "There is no answer." })
})

export const ask = Command.make(
  "ask",
  { question, thread },
  ({ question, thread }) =>
    Effect.scoped(Effect.gen(function*() {
      const prompt = yield* checked(question)
      const client = yield* connect
      const topic = Option.isSome(thread)
        ? yield* named(client, thread.value)
        : yield* ownPrivate(client, questionsTitle)
      yield* ready(topic)
      const id = commandId()
      const following = yield* Effect.forkScoped(follow(topic, id))
      yield* topic.send({ _tag: "submit_prompt", prompt }, id)
      yield* Fiber.join(following)
    }))
).pipe(
  Command.withDescription("Ask the Chorus, and see its six steps and the cited answer."),
  Command.withExamples([
    { command: "choir ask \"Why do bridges sing?\"", description: "Ask over everything you may see" }
  ])
)
