/** `choir chat`: a thread in the terminal. Sends input lines as messages; prints new messages and runs. */
import { Effect, FiberSet, Stream, SubscriptionRef } from "effect"
import { Argument, Command } from "effect/cli"
import { commandId } from "../client/Client.ts"
import { isFinished } from "../domain/chorus/ChorusRun.ts"
import type { Author } from "../domain/protocol/Ids.ts"
import type { Command as ThreadCommand } from "../domain/thread/ThreadModel.ts"
import { awaitLoaded, connect, openThreadOrPrivate, type ThreadTopic, type ThreadView } from "./Connect.ts"
import { inputLines, outputStyle, write } from "./Output.ts"
import * as Transcript from "./Transcript.ts"

/** The title of the user's private thread that is opened without an argument. */
const chatTitle = "Chat"

const threadArgument = Argument.String("thread").pipe(
  Argument.withDescription(`The id of the thread. Default: your private thread "${chatTitle}".`),
  Argument.optional
)

const help = "Each line is sent as a message. /ask QUESTION asks the Chorus, /quit ends the program.\n"

const shortAuthor = (author: Author): string => `${author.slice(0, 4)}…${author.slice(-4)}`

/** How many of the newest messages are printed at the start. */
const recentMessageCount = 20

/** The printed part of a thread: messages, submissions with their status, runs. */
interface PrintedThread {
  readonly messages: ReadonlySet<string>
  readonly submissions: ReadonlyMap<string, string>
  readonly runs: ReadonlyMap<string, Transcript.Printed>
}

/** At the start: older messages and finished runs count as printed. */
const initialPrinted = ({ state }: ThreadView): PrintedThread => ({
  messages: new Set(state.messages.slice(0, -recentMessageCount).map((message) => message.id)),
  submissions: new Map(),
  runs: new Map(
    state.runs.filter(isFinished).map((run) => [run.prompt_id, { ...Transcript.initial, ended: true }])
  )
})

/** The new part of a view as text. `sentIds` are the user's own lines, which the terminal shows already. */
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

/** Prints each update, and records it in `printed`. */
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

/** The user's own commands: the ids of all lines, and of the accepted questions. */
interface SentLines {
  readonly ids: Set<string>
  readonly promptIds: Set<string>
}

/** Sends one line. A rejection is printed and does not end the program. */
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

/** Waits until each of these runs has finished and is printed. */
const awaitRuns = (printed: SubscriptionRef.SubscriptionRef<PrintedThread>, promptIds: ReadonlySet<string>) =>
  SubscriptionRef.changes(printed).pipe(
    Stream.filter(({ runs }) => [...promptIds].every((id) => runs.get(id)?.ended)),
    Stream.runHead
  )

/** The command `choir chat`. */
export const chat = Command.make(
  "chat",
  { thread: threadArgument },
  ({ thread }) =>
    Effect.scoped(Effect.gen(function*() {
      const client = yield* connect
      const topic = yield* openThreadOrPrivate(client, thread, chatTitle)
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
        // Lines are sent concurrently; the client keeps their order.
        Stream.runForEach((line) => FiberSet.run(sends, sendLine(topic, line, sent)))
      )
      yield* FiberSet.awaitEmpty(sends)
      // `/quit` ends at once. At the end of the input, as in a pipe, the answers are awaited.
      if (!quit) yield* awaitRuns(printed, sent.promptIds)
    }))
).pipe(Command.withDescription("Read and write in a thread from the terminal."))
