/** `choir import`: the texts of a folder, as messages of a thread. Doing it again adds only what is new. */
import { Effect, FileSystem, Option, Path } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/Client.ts"
import { connect, create, named, own, ready, type ThreadTopic } from "./Connect.ts"
import { Failure } from "./Failure.ts"
import { isTerminal, write } from "./Output.ts"
import * as Pieces from "./Pieces.ts"

const folder = Argument.Directory("folder").pipe(
  Argument.withDescription("Read with everything below it: .md, .markdown and .txt")
)
const thread = Flag.String("thread").pipe(
  Flag.withDescription("The thread to import into, by its id. Otherwise a public one with the folder's name."),
  Flag.optional
)

const isText = (path: string): boolean => /\.(?:md|markdown|txt)$/i.test(path)
const isHidden = (path: string): boolean =>
  path.split(/[\\/]/).some((part) => part.startsWith(".") || part === "node_modules")

/** The texts below a folder, by their paths in it, in order. What is no UTF-8 or cannot be read is left out, with a word. */
const read = Effect.fnUntraced(function*(root: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const paths = yield* Effect.mapError(
    files.readDirectory(root, { recursive: true }),
    ({ reason }) =>
      new Failure({ message: reason._tag === "NotFound" ? `There is no folder ${root}.` : `${root} cannot be read.` })
  )
  const texts: Array<{ readonly source: string; readonly text: string }> = []
  for (const relative of paths.filter((one) => isText(one) && !isHidden(one)).toSorted()) {
    const full = path.join(root, relative)
    const source = relative.replaceAll("\\", "/")
    const bytes = yield* Effect.option(
      Effect.flatMap(
        files.stat(full),
        ({ type }) => type === "File" ? files.readFile(full) : Effect.as(Effect.void, undefined)
      )
    )
    if (Option.isNone(bytes)) {
      // A link to nowhere, say.
      yield* write(`${source} cannot be read; it is left out.\n`)
      continue
    }
    if (bytes.value === undefined) continue
    const text = yield* Effect.option(decode(bytes.value))
    if (Option.isSome(text)) texts.push({ source, text: text.value })
    else yield* write(`${source} is not UTF-8 text; it is left out.\n`)
  }
  return texts
})

const decode = (bytes: Uint8Array) => Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes))

const target = Effect.fnUntraced(function*(client: Client, given: Option.Option<string>, name: string) {
  if (Option.isSome(given)) return yield* named(client, given.value)
  const found = yield* own(client, (one) => one.title === name)
  return yield* named(client, found ?? (yield* create(client, name, "public")))
})

const width = 30

/** A bar that moves on a terminal; elsewhere a line per step. */
const progress = (done: number, all: number, terminal: boolean): string => {
  if (!terminal) return `${done} of ${all}\n`
  const full = Math.round(done / all * width)
  return `\r[${"#".repeat(full)}${"·".repeat(width - full)}] ${done} of ${all}${done === all ? "\n" : ""}`
}

/** One command after the other keeps the pieces in order; the client waits by itself when the server asks for a pause. */
const send = Effect.fnUntraced(function*(topic: ThreadTopic, pieces: ReadonlyArray<Pieces.Piece>) {
  const terminal = yield* isTerminal
  let done = 0
  for (const messages of Pieces.batches(pieces)) {
    yield* topic.send({ _tag: "import_messages", messages }, Pieces.idOf(topic.id, messages))
    done += messages.length
    yield* write(progress(done, pieces.length, terminal))
  }
})

export const importFolder = Command.make(
  "import",
  { folder, thread },
  ({ folder, thread }) =>
    Effect.scoped(Effect.gen(function*() {
      const path = yield* Path.Path
      const texts = yield* read(folder)
      const pieces = texts.flatMap(({ source, text }) => Pieces.ofFile(source, text))
      if (pieces.length === 0) {
        return yield* new Failure({
          message: `There is no text in ${folder}: no .md, .markdown or .txt file with words.`
        })
      }
      const client = yield* connect
      const topic = yield* target(client, thread, path.basename(path.resolve(folder)))
      const { state } = yield* ready(topic)
      const there = new Set(state.messages.map(Pieces.keyOf))
      const missing = pieces.filter((piece) => !there.has(Pieces.keyOf(piece)))
      yield* send(topic, missing)
      yield* write(
        `${missing.length} of ${pieces.length} pieces from ${texts.length} files were new; they are in ${topic.id}.\n`
      )
    }))
).pipe(
  Command.withDescription("Bring a folder of texts into a thread, in pieces that can be found and cited."),
  Command.withExamples([{ command: "choir import ./notes", description: "Into a public thread called notes" }])
)
