/** `choir import`: imports the texts of a folder into a thread. Idempotent: a repeat adds only new chunks. */
import { Effect, Option, Path, type Stdio, Terminal } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/Client.ts"
import { cut } from "../domain/protocol/Text.ts"
import { threadKind } from "../domain/thread/Thread.ts"
import type { Visibility } from "../domain/thread/ThreadModel.ts"
import { CliError } from "./CliError.ts"
import {
  awaitLoaded,
  connect,
  createThread,
  findMyThread,
  keyFile,
  loadSecret,
  openThread,
  threadFlag,
  type ThreadTopic
} from "./Connect.ts"
import { findImported } from "./ImportedChunks.ts"
import { readTexts } from "./ImportFiles.ts"
import { makeProgress, type Progress } from "./ImportProgress.ts"
import * as MarkdownChunker from "./MarkdownChunker.ts"
import { isInteractive, write } from "./Output.ts"
import { count } from "./TerminalText.ts"

/** The longest title of a thread, in UTF-16 units. */
const maxTitleLength = 200

/** The title of the thread for a folder or file: the server trims it, and it must not be blank. */
const titleOf = (name: string): string => cut(name.trim(), maxTitleLength).trimEnd() || "Imported"

/** The thread to import into; without a topic it is made once there is something to send. */
interface Target {
  readonly topic: ThreadTopic | undefined
  readonly title: string
  readonly visibility: Visibility
  readonly isImported: (chunk: MarkdownChunker.MarkdownChunk) => boolean
}

const findTarget = Effect.fnUntraced(
  function*(client: Client, threadId: Option.Option<string>, title: string, visibility: Visibility) {
    const id = Option.isSome(threadId)
      ? threadId.value
      : yield* findMyThread(client, (summary) => summary.title === title && summary.visibility === visibility)
    if (id === undefined) return { topic: undefined, title, visibility, isImported: () => false }
    const topic = yield* openThread(client, id)
    const { state } = yield* awaitLoaded(topic)
    const messages = client.topic(threadKind, topic.id).view()?.confirmed.messages ?? []
    const isImported = findImported(yield* loadSecret, messages)
    return { topic, title: state.title, visibility: state.visibility, isImported }
  }
)

/** Asks whether to publish. Where nobody can answer, a flag must have done so. */
const confirm = Effect.fnUntraced(function*({ title }: Target, chunks: string) {
  const question = `This publishes ${chunks} to everybody, in the public thread "${title}"`
  if (!(yield* isInteractive)) {
    return yield* new CliError({
      message: `${question}. Add --yes to do so, or --private for a thread that only its co-authors can read.`
    })
  }
  yield* write(`${question}. Do so? [y/N] `)
  const terminal = yield* Terminal.Terminal
  const answer = yield* Effect.orElseSucceed(terminal.readLine, () => "")
  if (!/^y(?:es)?$/i.test(answer.trim())) return yield* new CliError({ message: "Nothing was sent." })
})

/** Sends one batch after the other, which keeps the chunks in order. The client observes the server's rate limit. */
const sendChunks = Effect.fnUntraced(function*(
  topic: ThreadTopic,
  chunks: ReadonlyArray<MarkdownChunker.MarkdownChunk>,
  show: (progress: Progress) => Effect.Effect<void, never, Stdio.Stdio | Terminal.Terminal>
) {
  if (chunks.length === 0) return
  const secret = yield* loadSecret
  let sent = 0
  yield* show({ sent, total: chunks.length })
  for (const messages of MarkdownChunker.batchChunks(chunks)) {
    const id = MarkdownChunker.importCommandId(secret, topic.id, messages)
    yield* topic.send({ _tag: "import_messages", messages }, id, MarkdownChunker.importSalt(secret, id))
    sent += messages.length
    yield* show({ sent, total: chunks.length })
  }
})

/** The files that have something to say, in chunks. */
const readChunks = Effect.fnUntraced(function*(argument: string) {
  const { files, omissions } = yield* readTexts(argument, yield* keyFile)
  for (const omission of omissions) yield* write(`${omission}\n`)
  const chunked = files
    .map(({ source, text }) => ({ source, chunks: MarkdownChunker.chunkFile(source, text) }))
    .filter(({ chunks }) => chunks.length > 0)
  if (chunked.length > 0) return chunked
  return yield* new CliError({
    message: `${argument} contains no text: no .md, .markdown or .txt file that is not empty.`
  })
})

/** The command `choir import`. */
export const importText = Command.make(
  "import",
  {
    path: Argument.Path("path").pipe(
      Argument.withDescription("A folder, whose .md, .markdown and .txt files are read, or one text file")
    ),
    thread: Flag.optional(threadFlag("Default: your own thread with the name of the folder.")),
    isPrivate: Flag.Boolean("private").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Into a thread that only its co-authors can read")
    ),
    yes: Flag.Boolean("yes").pipe(
      Flag.withDefault(false),
      Flag.withAlias("y"),
      Flag.withDescription("Publish without asking")
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDefault(false),
      Flag.withDescription("List what would be sent, and send nothing")
    )
  },
  ({ dryRun, isPrivate, path: argument, thread, yes }) =>
    Effect.scoped(Effect.gen(function*() {
      const path = yield* Path.Path
      const files = yield* readChunks(argument)
      const chunks = files.flatMap((file) => file.chunks)
      if (dryRun) {
        for (const { chunks, source } of files) yield* write(`${source}: ${count(chunks.length, "chunk")}\n`)
        return yield* write(`${count(chunks.length, "chunk")} from ${count(files.length, "file")}. Nothing was sent.\n`)
      }
      const client = yield* connect
      const title = titleOf(path.basename(path.resolve(argument)))
      const target = yield* findTarget(client, thread, title, isPrivate ? "members" : "public")
      if (isPrivate && target.visibility === "public") {
        return yield* new CliError({
          message: `The thread "${target.title}" is public: leave --private or --thread out.`
        })
      }
      const missingChunks = chunks.filter((chunk) => !target.isImported(chunk))
      if (missingChunks.length > 0 && target.visibility === "public" && !yes) {
        yield* confirm(target, `${count(missingChunks.length, "chunk")} from ${count(files.length, "file")}`)
      }
      const show = yield* makeProgress(client)
      const topic = target.topic ??
        (yield* openThread(client, yield* createThread(client, target.title, target.visibility)))
      yield* sendChunks(topic, missingChunks, show)
      yield* write(
        `Imported ${missingChunks.length} of ${count(chunks.length, "chunk")} from ${
          count(files.length, "file")
        } into ${topic.id}.\n`
      )
    }))
).pipe(
  Command.withDescription(
    "Import texts into a thread, in chunks that the Chorus can find and cite."
  ),
  Command.withExamples([
    { command: "choir import ./notes", description: "Import into your public thread called notes, after a question" },
    { command: "choir import ./notes --private", description: "Import into a thread that only its co-authors can read" }
  ])
)
