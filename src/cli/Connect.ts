/** The command line's settings, key file and connection, and the lookup of threads. */
import { Config, Effect, FileSystem, Option, Path, Schema } from "effect"
import { Flag } from "effect/cli"
import { homedir } from "node:os"
import * as Client from "../client/Client.ts"
import * as Keys from "../client/Keys.ts"
import { TopicId } from "../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../domain/protocol/Protocol.ts"
import { threadKind } from "../domain/thread/Thread.ts"
import type * as ThreadModel from "../domain/thread/ThreadModel.ts"
import type { Erase } from "../domain/topic/Erasure.ts"
import * as PrivateFolder from "../layers/runtime/PrivateFolder.ts"
import { CliError } from "./CliError.ts"

/** A thread, with strings in place of its texts. */
export type ThreadTopic = Client.Topic<ThreadModel.PlainState, ThreadModel.CommandInput | typeof Erase.Encoded>
/** A view of a thread. */
export type ThreadView = Client.View<ThreadModel.PlainState>

const readSetting = (name: string) =>
  Config.String(name).pipe(
    Config.option,
    Effect.map(Option.filter((value) => value !== "")),
    Effect.mapError(() => new CliError({ message: `The environment variable ${name} cannot be read.` }))
  )

/** `CHOIR_URL`, or else the local server on `CHOIR_PORT`. */
const serverUrl = Effect.gen(function*() {
  const url = yield* readSetting("CHOIR_URL")
  if (Option.isNone(url)) return `http://127.0.0.1:${Option.getOrElse(yield* readSetting("CHOIR_PORT"), () => "4100")}`
  return URL.canParse(url.value) && /^(?:http|ws)s?:\/\//.test(url.value)
    ? url.value
    : yield* new CliError({ message: `CHOIR_URL is "${url.value}"; it must be an http:// or https:// URL.` })
})

/** `CHOIR_KEY_FILE`, or else `~/.config/choir/key`. */
export const keyFile = Effect.gen(function*() {
  const path = yield* Path.Path
  return Option.getOrElse(yield* readSetting("CHOIR_KEY_FILE"), () => path.join(homedir(), ".config", "choir", "key"))
})

const keyFileError = (file: string, action: string) => () =>
  new CliError({ message: `The key file ${file} cannot be ${action}.` })

/** The secret of the user's key. A missing file is created with mode 0600. */
export const loadSecret = Effect.gen(function*() {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = yield* keyFile
  if (!(yield* Effect.mapError(fileSystem.exists(file), keyFileError(file, "read")))) {
    yield* PrivateFolder.ensureFolder(path.dirname(file)).pipe(
      Effect.andThen(Keys.generateSecret),
      // "wx" fails if another process has created the file meanwhile.
      Effect.flatMap((secret) => fileSystem.writeFileString(file, `${secret}\n`, { mode: 0o600, flag: "wx" })),
      Effect.mapError(keyFileError(file, "written"))
    )
  }
  return yield* Effect.mapError(fileSystem.readFileString(file), keyFileError(file, "read"))
})

/** The user's key. */
export const loadIdentity = Effect.gen(function*() {
  const secret = yield* loadSecret
  const file = yield* keyFile
  return yield* Effect.mapError(
    Keys.fromSecret(secret),
    ({ message }) => new CliError({ message: `${file}: ${message}` })
  )
})

/** The flag that names a thread. */
export const threadFlag = (description: string) =>
  Flag.String("thread").pipe(Flag.withMetavar("ID"), Flag.withDescription(`The id of the thread. ${description}`))

/** A client that is signed in; fails if the first attempt to connect does. It disconnects with the scope. */
export const connect = Effect.gen(function*() {
  const url = yield* serverUrl
  const client = yield* Client.make({ url, identity: yield* loadIdentity, kinds: [threadKind] })
  yield* Effect.callback<void, CliError>((resume) => {
    const checkPhase = () => {
      const phase = client.phase()
      switch (phase._tag) {
        case "Connecting":
          return
        case "Authenticated":
        case "Subscribed":
          return resume(Effect.void)
        case "Reconnecting":
          return resume(Effect.fail(
            new CliError({
              message: `No Choir server answers at ${url}. Start one with "npm start", or set CHOIR_URL to its address.`
            })
          ))
        case "Disconnected":
          return resume(Effect.fail(
            new CliError({ message: phase.reason?.message ?? `The connection to ${url} was closed.` })
          ))
      }
    }
    const unsubscribe = client.onChange(checkPhase)
    checkPhase()
    return Effect.sync(unsubscribe)
  })
  return client
})

/** Creates a thread and returns its id. */
export const createThread = Effect.fnUntraced(
  function*(client: Client.Client, name: string, visibility: ThreadModel.Visibility) {
    const id = Client.commandId()
    const topic = client.topic(threadKind, TopicId.make(`thread:${id}`))
    yield* topic.send({ _tag: "create_thread", name, visibility }, id)
    return topic.id
  }
)

/** The id of the user's most recently changed active thread that matches; undefined if none does. */
export const findMyThread = Effect.fnUntraced(
  function*(client: Client.Client, matches: (thread: ThreadSummary) => boolean) {
    const { threads } = yield* client.threads()
    return threads
      .filter((summary) => summary.status === "active" && summary.co_authors.includes(client.me) && matches(summary))
      .toSorted((a, b) => b.updated_at - a.updated_at)[0]?.thread_id
  }
)

/** A thread by its id; without one, the user's members-only thread of a title, created if there is none. */
export const openThreadOrPrivate = Effect.fnUntraced(function*(
  client: Client.Client,
  id: Option.Option<string>,
  title: string
) {
  if (Option.isSome(id)) return yield* openThread(client, id.value)
  const existing = yield* findMyThread(client, (summary) => summary.title === title && summary.visibility === "members")
  return yield* openThread(client, existing ?? (yield* createThread(client, title, "members")))
})

const isTopicId = Schema.is(TopicId)

/** A thread by its id, with or without the prefix `thread:`. */
export const openThread = (client: Client.Client, text: string): Effect.Effect<ThreadTopic, CliError> => {
  const id = text.startsWith("thread:") ? text : `thread:${text}`
  return isTopicId(id)
    ? Effect.succeed(Client.plainTopic(client.topic(threadKind, id)))
    : Effect.fail(new CliError({ message: `"${text}" is not the id of a thread.` }))
}

/** The first loaded view of a thread; fails with the server's reason if access is refused. */
export const awaitLoaded = (topic: ThreadTopic): Effect.Effect<ThreadView, CliError> =>
  Effect.callback((resume) => {
    const unsubscribe = topic.onView((view) => {
      if (view.sync._tag === "Refused") {
        resume(Effect.fail(new CliError({ message: `${topic.id}: ${view.sync.reason.message.replace(/\.?$/, ".")}` })))
      } else if (view.position !== undefined) resume(Effect.succeed(view))
    })
    return Effect.sync(unsubscribe)
  })
