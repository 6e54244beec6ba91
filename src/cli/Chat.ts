/** `choir chat`: a thread in a terminal. Lines are messages; what others and the Chorus say appears as it comes. */
import { Effect, FiberSet, Option, Stream, SubscriptionRef } from "effect"
import { Argument, Command } from "effect/cli"
import { commandId } from "../client/Client.ts"
import { isOver } from "../domain/chorus/ChorusRun.ts"
import type { Author } from "../domain/Ids.ts"
import type { Command as ThreadCommand } from "../domain/kinds/ThreadModel.ts"
import { connect, named, ownPrivate, ready, type ThreadTopic, type ThreadView } from "./Connect.ts"
import { lines, style, write } from "./Output.ts"
import * as Transcript from "./Transcript.ts"

/** The caller's own thread that is opened when no other is named; nobody else reads it. */
const chatTitle = "Chat"

const thread = Argument.String("thread").pipe(
  Argument.withDescription(`The thread, by its id. Otherwise your own private thread "${chatTitle}".`),
  Argument.optional
)

const help = "Lines are messages. /ask QUESTION asks the Chorus, /quit leaves.\n"

const short = (author: Author): string => `${author.slice(0, 4)}…${author.slice(-4)}`

/** How many of the messages that are there already are shown. */
const recent = 20

/** What has been printed of a thread. */
interface Shown {
  readonly messages: ReadonlySet<string>
  readonly submissions: ReadonlyMap<string, string>
  readonly runs: ReadonlyMap<string, Transcript.Printed>
}

/** Runs that are over before one comes are not told again. */
const before = ({ state }: ThreadView): Shown => ({
  messages: new Set(state.messages.slice(0, -recent).map((message) => message.id)),
  submissions: new Map(),
  runs: new Map(
    state.runs.filter(isOver).map((run) => [run.prompt_id, { ...Transcript.nothing, ended: true }])
  )
})

/** What is new in a view, as text. `typed` are the ids of the caller's own lines, which stand there already. */
const news = (
  shown: Shown,
  { decided, running }: ThreadView,
  typed: ReadonlySet<string>,
  look: Transcript.Style
): readonly [Shown, string] => {
  const messages = decided.messages.filter((message) => !shown.messages.has(message.id))
  const submissions = decided.submissions.filter((one) => shown.submissions.get(one.id) !== one.status)
  const runs = decided.runs.map((run) => {
    const had = shown.runs.get(run.prompt_id)
    const [next, text] = Transcript.advance(
      had ?? Transcript.nothing,
      run,
      running.find((text) => text.prompt_id === run.prompt_id),
      look
    )
    const asked = had === undefined && !typed.has(run.prompt_id)
    return [
      run.prompt_id,
      next,
      `${asked ? `${look.name(short(run.asker))} asks: ${run.prompt}\n` : ""}${text}`
    ] as const
  })
  const said = [
    ...messages.filter((message) => !typed.has(message.id)).map(({ author, content }) =>
      `${look.name(short(author))} ${content}\n`
    ),
    ...submissions.map(({ author, content, stake, status }) =>
      `${look.name(short(author))} ${look.aside(`(submission, stakes ${stake}, ${status})`)} ${content}\n`
    ),
    ...runs.map(([, , text]) => text)
  ]
  return [{
    messages: new Set([...shown.messages, ...messages.map((message) => message.id)]),
    submissions: new Map(decided.submissions.map((one) => [one.id, one.status])),
    runs: new Map(runs.map(([id, printed]) => [id, printed]))
  }, said.join("")]
}

/** Prints what comes, and keeps in `shown` what stands there. */
const show = Effect.fnUntraced(function*(
  topic: ThreadTopic,
  shown: SubscriptionRef.SubscriptionRef<Shown>,
  typed: ReadonlySet<string>
) {
  const look = yield* style
  yield* Stream.runForEach(topic.views, (view) =>
    Effect.gen(function*() {
      const [next, text] = news(yield* SubscriptionRef.get(shown), view, typed, look)
      yield* write(text)
      yield* SubscriptionRef.set(shown, next)
    }))
})

/** What the caller has typed: the ids of all lines, and of those questions that were taken. */
interface Typed {
  readonly lines: Set<string>
  readonly asked: Set<string>
}

/** Sends one line. A refusal is told and changes nothing else. */
const say = (topic: ThreadTopic, line: string, typed: Typed) => {
  const asked = /^\/ask\s+(\S.*)$/.exec(line)?.[1]
  if (asked === undefined && line.startsWith("/")) return write(help)
  const command: ThreadCommand = asked === undefined
    ? { _tag: "submit_message", content: line }
    : { _tag: "submit_prompt", prompt: asked }
  const id = commandId()
  typed.lines.add(id)
  return topic.send(command, id).pipe(
    Effect.tap(() => Effect.sync(() => asked === undefined || typed.asked.add(id))),
    Effect.asVoid,
    Effect.catch((error) => write(`${error.message}\n`))
  )
}

/** Until the end of every run that was asked for stands there. */
const answered = (shown: SubscriptionRef.SubscriptionRef<Shown>, asked: ReadonlySet<string>) =>
  SubscriptionRef.changes(shown).pipe(
    Stream.filter(({ runs }) => [...asked].every((id) => runs.get(id)?.ended)),
    Stream.runHead
  )

export const chat = Command.make("chat", { thread }, ({ thread }) =>
  Effect.scoped(Effect.gen(function*() {
    const client = yield* connect
    const topic = Option.isSome(thread) ? yield* named(client, thread.value) : yield* ownPrivate(client, chatTitle)
    const first = yield* ready(topic)
    const typed: Typed = { lines: new Set(), asked: new Set() }
    const shown = yield* SubscriptionRef.make(before(first))
    yield* write(`${first.state.title} (${topic.id})\n${help}`)
    yield* Effect.forkScoped(show(topic, shown, typed.lines))
    const saying = yield* FiberSet.make()
    let left = false
    yield* lines.pipe(
      Stream.map((line) => line.trim()),
      Stream.takeWhile((line) => !(left = line === "/quit")),
      Stream.filter((line) => line !== ""),
      // A line waits for no other: the client keeps their order.
      Stream.runForEach((line) => FiberSet.run(saying, say(topic, line, typed)))
    )
    yield* FiberSet.awaitEmpty(saying)
    // Who leaves does not wait; a pipe that has ended has asked for its answers.
    if (!left) yield* answered(shown, typed.asked)
  }))).pipe(Command.withDescription("Write and ask in a thread, from the terminal."))
