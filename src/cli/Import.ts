/** `choir import`: imports the text files of a folder into a thread. Idempotent: a repeat adds only new chunks. */
import { Effect, FileSystem, Option, Path } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/Client.ts"
import { CliError } from "./CliError.ts"
import { awaitLoaded, connect, createThread, findMyThread, openThread, type ThreadTopic } from "./Connect.ts"
import * as MarkdownChunker from "./MarkdownChunker.ts"
import { isTerminal, write } from "./Output.ts"

const folderArgument = Argument.Directory("folder").pipe(
  Argument.withDescription("The folder; its .md, .markdown and .txt files are read recursively")
)
const threadFlag = Flag.String("thread").pipe(
  Flag.withDescription("The id of the thread to import into. Default: your public thread with the name of the folder."),
  Flag.optional
)

const isText = (path: string): boolean => /\.(?:md|markdown|txt)$/i.test(path)
const isHidden = (path: string): boolean =>
  path.split(/[\\/]/).some((part) => part.startsWith(".") || part === "node_modules")

/** The text files below a folder, by relative path, in order. Files that cannot be read or decoded are skipped. */
const readTexts = Effect.fnUntraced(function*(root: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const paths = yield* Effect.mapError(
    fileSystem.readDirectory(root, { recursive: true }),
    ({ reason }) =>
      new CliError({
        message: reason._tag === "NotFound"
          ? `The folder ${root} does not exist.`
          : `The folder ${root} cannot be read.`
      })
  )
  const texts: Array<{ readonly source: string; readonly text: string }> = []
  for (const relative of paths.filter((file) => isText(file) && !isHidden(file)).toSorted()) {
    const full = path.join(root, relative)
    const source = relative.replaceAll("\\", "/")
    const bytes = yield* Effect.option(
      Effect.flatMap(
        fileSystem.stat(full),
        ({ type }) => type === "File" ? fileSystem.readFile(full) : Effect.as(Effect.void, undefined)
      )
    )
    if (Option.isNone(bytes)) {
      yield* write(`Skipped ${source}: it cannot be read.\n`)
      continue
    }
    if (bytes.value === undefined) continue
    const text = yield* Effect.option(decodeUtf8(bytes.value))
    if (Option.isSome(text)) texts.push({ source, text: text.value })
    else yield* write(`Skipped ${source}: it is not UTF-8 text.\n`)
  }
  return texts
})

const decodeUtf8 = (bytes: Uint8Array) => Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes))

const resolveThread = Effect.fnUntraced(function*(client: Client, threadId: Option.Option<string>, name: string) {
  if (Option.isSome(threadId)) return yield* openThread(client, threadId.value)
  const existing = yield* findMyThread(client, (summary) => summary.title === name)
  return yield* openThread(client, existing ?? (yield* createThread(client, name, "public")))
})

const barWidth = 30

/** A progress bar on a terminal; elsewhere a line for each batch. */
const formatProgress = (done: number, total: number, terminal: boolean): string => {
  if (!terminal) return `${done} of ${total}\n`
  const filled = Math.round(done / total * barWidth)
  return `\r[${"#".repeat(filled)}${"·".repeat(barWidth - filled)}] ${done} of ${total}${done === total ? "\n" : ""}`
}

/** Sends one batch after the other, which keeps the chunks in order. The client observes the server's rate limit. */
const sendChunks = Effect.fnUntraced(
  function*(topic: ThreadTopic, chunks: ReadonlyArray<MarkdownChunker.MarkdownChunk>) {
    const terminal = yield* isTerminal
    let sentCount = 0
    for (const messages of MarkdownChunker.batchChunks(chunks)) {
      yield* topic.send({ _tag: "import_messages", messages }, MarkdownChunker.importCommandId(topic.id, messages))
      sentCount += messages.length
      yield* write(formatProgress(sentCount, chunks.length, terminal))
    }
  }
)

/** The command `choir import`. */
export const importFolder = Command.make(
  "import",
  { folder: folderArgument, thread: threadFlag },
  ({ folder, thread }) =>
    Effect.scoped(Effect.gen(function*() {
      const path = yield* Path.Path
      const texts = yield* readTexts(folder)
      const chunks = texts.flatMap(({ source, text }) => MarkdownChunker.chunkFile(source, text))
      if (chunks.length === 0) {
        return yield* new CliError({
          message: `The folder ${folder} contains no text: no .md, .markdown or .txt file that is not empty.`
        })
      }
      const client = yield* connect
      const topic = yield* resolveThread(client, thread, path.basename(path.resolve(folder)))
      const { state } = yield* awaitLoaded(topic)
      const existingKeys = new Set(state.messages.map(MarkdownChunker.chunkKey))
      const missingChunks = chunks.filter((chunk) => !existingKeys.has(MarkdownChunker.chunkKey(chunk)))
      yield* sendChunks(topic, missingChunks)
      yield* write(
        `Imported ${missingChunks.length} of ${chunks.length} chunks from ${texts.length} files into ${topic.id}.\n`
      )
    }))
).pipe(
  Command.withDescription(
    "Import the text files of a folder into a thread, in chunks that the Chorus can find and cite."
  ),
  Command.withExamples([{
    command: "choir import ./notes",
    description: "Import into your public thread called notes"
  }])
)
