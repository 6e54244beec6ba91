/** `choir import`: the texts of a folder, as messages of a thread. Doing it again adds only what is new. */
import { Effect, FileSystem, Option, Path } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/Client.ts"
import { CliError } from "./CliError.ts"
import { awaitLoaded, connect, createThread, findMyThread, openThread, type ThreadTopic } from "./Connect.ts"
import * as MarkdownChunker from "./MarkdownChunker.ts"
import { isTerminal, write } from "./Output.ts"

const folderArgument = Argument.Directory("folder").pipe(
  Argument.withDescription("Read with everything below it: .md, .markdown and .txt")
)
const threadFlag = Flag.String("thread").pipe(
  Flag.withDescription("The thread to import into, by its id. Otherwise a public one with the folder's name."),
  Flag.optional
)

const isText = (path: string): boolean => /\.(?:md|markdown|txt)$/i.test(path)
const isHidden = (path: string): boolean =>
  path.split(/[\\/]/).some((part) => part.startsWith(".") || part === "node_modules")

/** The texts below a folder, by their paths in it, in order. What is no UTF-8 or cannot be read is left out, with a word. */
const readTexts = Effect.fnUntraced(function*(root: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const paths = yield* Effect.mapError(
    fileSystem.readDirectory(root, { recursive: true }),
    ({ reason }) =>
      new CliError({ message: reason._tag === "NotFound" ? `There is no folder ${root}.` : `${root} cannot be read.` })
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
      // A link to nowhere, say.
      yield* write(`${source} cannot be read; it is left out.\n`)
      continue
    }
    if (bytes.value === undefined) continue
    const text = yield* Effect.option(decodeUtf8(bytes.value))
    if (Option.isSome(text)) texts.push({ source, text: text.value })
    else yield* write(`${source} is not UTF-8 text; it is left out.\n`)
  }
  return texts
})

const decodeUtf8 = (bytes: Uint8Array) => Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes))

const resolveThread = Effect.fnUntraced(function*(client: Client, threadId: Option.Option<string>, name: string) {
  if (Option.isSome(threadId)) return yield* openThread(client, threadId.value)
  const existing = yield* findMyThread(client, (one) => one.title === name)
  return yield* openThread(client, existing ?? (yield* createThread(client, name, "public")))
})

const barWidth = 30

/** A bar that moves on a terminal; elsewhere a line per step. */
const formatProgress = (done: number, total: number, terminal: boolean): string => {
  if (!terminal) return `${done} of ${total}\n`
  const filled = Math.round(done / total * barWidth)
  return `\r[${"#".repeat(filled)}${"·".repeat(barWidth - filled)}] ${done} of ${total}${done === total ? "\n" : ""}`
}

/** One command after the other keeps the pieces in order; the client waits by itself when the server asks for a pause. */
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
          message: `There is no text in ${folder}: no .md, .markdown or .txt file with words.`
        })
      }
      const client = yield* connect
      const topic = yield* resolveThread(client, thread, path.basename(path.resolve(folder)))
      const { state } = yield* awaitLoaded(topic)
      const existingKeys = new Set(state.messages.map(MarkdownChunker.chunkKey))
      const missingChunks = chunks.filter((piece) => !existingKeys.has(MarkdownChunker.chunkKey(piece)))
      yield* sendChunks(topic, missingChunks)
      yield* write(
        `${missingChunks.length} of ${chunks.length} pieces from ${texts.length} files were new; they are in ${topic.id}.\n`
      )
    }))
).pipe(
  Command.withDescription("Bring a folder of texts into a thread, in pieces that can be found and cited."),
  Command.withExamples([{ command: "choir import ./notes", description: "Into a public thread called notes" }])
)
