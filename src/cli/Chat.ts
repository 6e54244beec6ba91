/** `choir chat`: a thread in a terminal. Lines are messages; what others and the Chorus say appears as it comes. */
import { Effect, FiberSet, Option, Stream, SubscriptionRef } from "effect"
import { Argument, Command } from "effect/cli"
import { commandId } from "../client/Client.ts"
import { isFinished } from "../domain/chorus/ChorusRun.ts"
import type { Author } from "../domain/protocol/Ids.ts"
import type { Command as ThreadCommand } from "../domain/thread/ThreadModel.ts"
import { awaitLoaded, connect, openMyPrivateThread, openThread, type ThreadTopic, type ThreadView } from "./Connect.ts"
import { inputLines, outputStyle, write } from "./Output.ts"
import * as Transcript from "./Transcript.ts"

/** The caller's own thread that is opened when no other is named; nobody else reads it. */
const chatTitle = "Chat"

const threadArgument = Argument.String("thread").pipe(
  Argument.withDescription(`The thread, by its id. Otherwise your own private thread "${chatTitle}".`),
  Argument.optional
)

const help = "Lines are messages. /ask QUESTION asks the Chorus, /quit leaves.\n"

const shortAuthor = (author: Author): string => `${author.slice(0, 4)}…${author.slice(-4)}`

/** How many of the messages that are there already are shown. */
const recentMessageCount = 20

/** What has been printed of a thread. */
interface PrintedThread {
  readonly messages: ReadonlySet<string>
  readonly submissions: ReadonlyMap<string, string>
  readonly runs: ReadonlyMap<string, Transcript.Printed>
}

/** Runs that are over before one comes are not told again. */
const initialPrinted = ({ state }: ThreadView): PrintedThread => ({
  messages: new Set(state.messages.slice(0, -recentMessageCount).map((message) => message.id)),
  submissions: new Map(),
  runs: new Map(
    state.runs.filter(isFinished).map((run) => [run.prompt_id, { ...Transcript.initial, ended: true }])
  )
})

/** What is new in a view, as text. `sentIds` are the ids of the caller's own lines, which stand there already. */
const renderUpdate = (
  printed: PrintedThread,
  { confirmed, partialOutputs }: ThreadView,
  sentIds: ReadonlySet<string>,
  style: Transcript.Style
): readonly [PrintedThread, string] => {
  const messages = confirmed.messages.filter((message) => !printed.messages.has(message.id))
  const submissions = confirmed.submissions.filter((submission) =>
    printed.submissions.get(submission.id) !== submission.status
  )
  const runs = confirmed.runs.map((run) => {
    const previous = printed.runs.get(run.prompt_id)
    const [next, text] = Transcript.render(
      previous ?? Transcript.initial,
      run,
      partialOutputs.find((text) => text.prompt_id === run.prompt_id),
      style
    )
    const isRemote = previous === undefined && !sentIds.has(run.prompt_id)
    return [
      run.prompt_id,
      next,
      `${isRemote ? `${style.name(shortAuthor(run.asker))} asks: ${run.prompt}\n` : ""}${text}`
    ] as const
  })
  const output = [
    ...messages.filter((message) => !sentIds.has(message.id)).map(({ author, content }) =>
      `${style.name(shortAuthor(author))} ${content}\n`
    ),
    ...submissions.map(({ author, content, stake, status }) =>
      `${style.name(shortAuthor(author))} ${style.aside(`(submission, stakes ${stake}, ${status})`)} ${content}\n`
    ),
    ...runs.map(([, , text]) => text)
  ]
  return [{
    messages: new Set([...printed.messages, ...messages.map((message) => message.id)]),
    submissions: new Map(confirmed.submissions.map((submission) => [submission.id, submission.status])),
    runs: new Map(runs.map(([id, printed]) => [id, printed]))
  }, output.join("")]
}

/** Prints what comes, and keeps in `printed` what stands there. */
const printUpdates = Effect.fnUntraced(function*(
  topic: ThreadTopic,
  printed: SubscriptionRef.SubscriptionRef<PrintedThread>,
  sentIds: ReadonlySet<string>
) {
  const style = yield* outputStyle
  yield* Stream.runForEach(topic.views, (view) =>
    Effect.gen(function*() {
      const [next, text] = renderUpdate(yield* SubscriptionRef.get(printed), view, sentIds, style)
      yield* write(text)
      yield* SubscriptionRef.set(printed, next)
    }))
})

/** What the caller has typed: the ids of all lines, and of those questions that were taken. */
interface SentLines {
  readonly ids: Set<string>
  readonly promptIds: Set<string>
}

/** Sends one line. A refusal is told and changes nothing else. */
const sendLine = (topic: ThreadTopic, line: string, sent: SentLines) => {
  const question = /^\/ask\s+(\S.*)$/.exec(line)?.[1]
  if (question === undefined && line.startsWith("/")) return write(help)
  const command: ThreadCommand = question === undefined
    ? { _tag: "submit_message", content: line }
    : { _tag: "submit_prompt", prompt: question }
  const id = commandId()
  sent.ids.add(id)
  return topic.send(command, id).pipe(
    Effect.tap(() => Effect.sync(() => question === undefined || sent.promptIds.add(id))),
    Effect.asVoid,
    Effect.catch((error) => write(`${error.message}\n`))
  )
}

/** Until the end of every run that was asked for stands there. */
const awaitRuns = (printed: SubscriptionRef.SubscriptionRef<PrintedThread>, promptIds: ReadonlySet<string>) =>
  SubscriptionRef.changes(printed).pipe(
    Stream.filter(({ runs }) => [...promptIds].every((id) => runs.get(id)?.ended)),
    Stream.runHead
  )

export const chat = Command.make(
  "chat",
  { thread: threadArgument },
  ({ thread }) =>
    Effect.scoped(Effect.gen(function*() {
      const client = yield* connect
      const topic = Option.isSome(thread)
        ? yield* openThread(client, thread.value)
        : yield* openMyPrivateThread(client, chatTitle)
      const view = yield* awaitLoaded(topic)
      const sent: SentLines = { ids: new Set(), promptIds: new Set() }
      const printed = yield* SubscriptionRef.make(initialPrinted(view))
      yield* write(`${view.state.title} (${topic.id})\n${help}`)
      yield* Effect.forkScoped(printUpdates(topic, printed, sent.ids))
      const sends = yield* FiberSet.make()
      let quit = false
      yield* inputLines.pipe(
        Stream.map((line) => line.trim()),
        Stream.takeWhile((line) => !(quit = line === "/quit")),
        Stream.filter((line) => line !== ""),
        // A line waits for no other: the client keeps their order.
        Stream.runForEach((line) => FiberSet.run(sends, sendLine(topic, line, sent)))
      )
      yield* FiberSet.awaitEmpty(sends)
      // Who leaves does not wait; a pipe that has ended has asked for its answers.
      if (!quit) yield* awaitRuns(printed, sent.promptIds)
    }))
).pipe(Command.withDescription("Write and ask in a thread, from the terminal."))
