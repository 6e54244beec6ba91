/** `choir ask`: one question to the Chorus, its six steps as they come, and the cited answer. */
import { Effect, Fiber, Option, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { type Client, commandId } from "../client/Client.ts"
import { isOver } from "../domain/ChorusRun.ts"
import type { CommandId } from "../domain/Ids.ts"
import { connect, create, named, own, ready, type ThreadTopic } from "./Connect.ts"
import { Failure } from "./Failure.ts"
import { style, write } from "./Output.ts"
import * as Transcript from "./Transcript.ts"

/** The caller's own thread that questions go to when no other is named; nobody else reads it. */
export const questionsTitle = "Questions"

const question = Argument.String("question").pipe(Argument.withDescription("What to ask"))
const thread = Flag.String("thread").pipe(
  Flag.withDescription(`The thread to ask in, by its id. Otherwise your own private thread "${questionsTitle}".`),
  Flag.optional
)

const questions = Effect.fnUntraced(function*(client: Client) {
  const found = yield* own(client, (one) => one.title === questionsTitle && one.visibility === "members")
  return yield* named(client, found ?? (yield* create(client, questionsTitle, "members")))
})

/** Prints a run until it is over. Fails when it brought no answer. */
export const follow = Effect.fnUntraced(function*(topic: ThreadTopic, prompt: CommandId) {
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
      const client = yield* connect
      const topic = Option.isSome(thread) ? yield* named(client, thread.value) : yield* questions(client)
      yield* ready(topic)
      const prompt = commandId()
      const following = yield* Effect.forkScoped(follow(topic, prompt))
      yield* topic.send({ _tag: "submit_prompt", prompt: question }, prompt)
      yield* Fiber.join(following)
    }))
).pipe(
  Command.withDescription("Ask the Chorus, and see its six steps and the cited answer."),
  Command.withExamples([
    { command: "choir ask \"Why do bridges sing?\"", description: "Ask over everything you may see" }
  ])
)
