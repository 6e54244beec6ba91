/** `choir chat`: a thread in the terminal. Sends input lines as messages or commands; prints what is new. */
import { Effect, FiberSet, Option, Stream, SubscriptionRef } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { commandId } from "../client/Client.ts"
import type { UserId } from "../domain/protocol/Ids.ts"
import * as ChatInput from "./ChatInput.ts"
import { initialPrinted, type PrintedThread, type Reader, renderUpdate } from "./ChatTranscript.ts"
import { CliError } from "./CliError.ts"
import { awaitLoaded, connect, openThreadOrPrivate, threadFlag, type ThreadTopic } from "./Connect.ts"
import * as LineEditor from "./LineEditor.ts"

/** The title of the user's private thread that is opened without an argument. */
const chatTitle = "Chat"

/** Prints each update, and records it in `printed`. */
const printUpdates = (
  topic: ThreadTopic,
  printed: SubscriptionRef.SubscriptionRef<PrintedThread>,
  reader: Reader,
  write: LineEditor.LineEditor["write"]
) =>
  Stream.runForEach(topic.views, (view) =>
    Effect.gen(function*() {
      const [next, text] = renderUpdate(yield* SubscriptionRef.get(printed), view, reader)
      yield* write(...text)
      yield* SubscriptionRef.set(printed, next)
    }))

/** The user's own commands: the ids of all lines, and of the accepted questions. */
interface SentLines {
  readonly ids: Set<string>
  readonly promptIds: Set<string>
}

/** Sends one line. A rejection is printed and does not end the program. */
const sendLine = Effect.fnUntraced(
  function*(topic: ThreadTopic, line: string, me: UserId, sent: SentLines, write: LineEditor.LineEditor["write"]) {
    const view = topic.view()
    if (view === undefined) return
    const parsed = ChatInput.parseLine(line, view, me)
    if ("problem" in parsed) return yield* write(parsed.problem)
    const id = commandId()
    sent.ids.add(id)
    yield* topic.send(parsed.command, id).pipe(
      Effect.matchEffect({
        onFailure: (error) => write(`${error.message}\n`),
        onSuccess: () => Effect.sync(() => parsed.command._tag === "submit_prompt" && sent.promptIds.add(id))
      })
    )
  }
)

/** Waits until each of these runs has finished and is printed. */
const awaitRuns = (printed: SubscriptionRef.SubscriptionRef<PrintedThread>, promptIds: ReadonlySet<string>) =>
  SubscriptionRef.changes(printed).pipe(
    Stream.filter(({ runs }) => [...promptIds].every((id) => runs.get(id)?.ended)),
    Stream.runHead
  )

/** The command `choir chat`. */
export const chat = Command.make(
  "chat",
  {
    id: Argument.String("thread").pipe(
      Argument.withDescription("The id of the thread, in place of --thread"),
      Argument.optional
    ),
    thread: Flag.optional(threadFlag(`Default: your private thread "${chatTitle}".`))
  },
  ({ id, thread }) =>
    Effect.scoped(Effect.gen(function*() {
      if (Option.isSome(id) && Option.isSome(thread)) {
        return yield* new CliError({ message: "Name one thread: as the argument, or by --thread." })
      }
      const client = yield* connect
      const topic = yield* openThreadOrPrivate(client, Option.orElse(id, () => thread), chatTitle)
      const { state } = yield* awaitLoaded(topic)
      const sent: SentLines = { ids: new Set(), promptIds: new Set() }
      const printed = yield* SubscriptionRef.make(initialPrinted(state))
      const { lines, write } = yield* LineEditor.make
      yield* write(`${state.title} (${topic.id})\n${ChatInput.help}`)
      yield* Effect.forkScoped(printUpdates(topic, printed, { me: client.me, sentIds: sent.ids }, write))
      const sends = yield* FiberSet.make()
      let quit = false
      yield* lines.pipe(
        Stream.map((line) => line.trim()),
        Stream.takeWhile((line) => !(quit = line === "/quit")),
        Stream.filter((line) => line !== ""),
        // Lines are sent concurrently; the client keeps their order.
        Stream.runForEach((line) => FiberSet.run(sends, sendLine(topic, line, client.me, sent, write)))
      )
      yield* FiberSet.awaitEmpty(sends)
      // `/quit` ends at once. At the end of the input, as in a pipe, the answers are awaited.
      if (!quit) yield* awaitRuns(printed, sent.promptIds)
    }))
).pipe(Command.withDescription("Read and write in a thread from the terminal."))
