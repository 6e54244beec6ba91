/** The command line's own user and connection: a key in a file, a server by its address. */
import { Config, Effect, FileSystem, Option, Path } from "effect"
import { homedir } from "node:os"
import * as Client from "../client/Client.ts"
import * as Keys from "../client/Keys.ts"
import type { TopicId } from "../domain/Ids.ts"
import { thread } from "../domain/kinds/Thread.ts"
import type * as Thread from "../domain/kinds/ThreadModel.ts"
import type { ThreadSummary } from "../domain/Protocol.ts"
import { Failure } from "./Failure.ts"

export type ThreadTopic = Client.Topic<Thread.State, Thread.Command>
export type ThreadView = Client.View<Thread.State>

const text = (name: string) =>
  Config.String(name).pipe(
    Config.option,
    Effect.map(Option.filter((value) => value !== "")),
    Effect.mapError(() => new Failure({ message: `${name} cannot be read.` }))
  )

/** `CHOIR_URL`, else this machine at `CHOIR_PORT`. */
const address = Effect.gen(function*() {
  const url = yield* text("CHOIR_URL")
  if (Option.isNone(url)) return `http://127.0.0.1:${Option.getOrElse(yield* text("CHOIR_PORT"), () => "4100")}`
  return URL.canParse(url.value) && /^(?:http|ws)s?:\/\//.test(url.value)
    ? url.value
    : yield* new Failure({ message: `CHOIR_URL is ${url.value}; it must be an http:// or https:// address.` })
})

/** The key in `CHOIR_KEY_FILE`, else in `~/.config/choir/key`; made, for its owner's eyes only, when there is none. */
export const identity = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const given = yield* text("CHOIR_KEY_FILE")
  const file = Option.getOrElse(given, () => path.join(homedir(), ".config", "choir", "key"))
  const cannot = (doing: string) => () => new Failure({ message: `The key file ${file} cannot be ${doing}.` })
  if (!(yield* Effect.mapError(files.exists(file), cannot("read")))) {
    yield* files.makeDirectory(path.dirname(file), { recursive: true, mode: 0o700 }).pipe(
      Effect.andThen(Keys.generate),
      // "wx": another one that was made meanwhile is not overwritten.
      Effect.flatMap((secret) => files.writeFileString(file, `${secret}\n`, { mode: 0o600, flag: "wx" })),
      Effect.mapError(cannot("written"))
    )
  }
  const secret = yield* Effect.mapError(files.readFileString(file), cannot("read"))
  return yield* Effect.mapError(
    Keys.fromSecret(secret),
    ({ message }) => new Failure({ message: `${file}: ${message}` })
  )
})

/** Signed in, or why not. The connection ends with the scope and comes back by itself until then. */
export const connect = Effect.gen(function*() {
  const url = yield* address
  const client = yield* Client.make({ url, identity: yield* identity, kinds: [thread] })
  yield* Effect.callback<void, Failure>((resume) => {
    const look = () => {
      const phase = client.phase()
      switch (phase._tag) {
        case "Connecting":
          return
        case "Authenticated":
        case "Subscribed":
          return resume(Effect.void)
        case "Reconnecting":
          return resume(Effect.fail(
            new Failure({
              message: `No Choir server answers at ${url}. Start one with "npm start", or say where it is in CHOIR_URL.`
            })
          ))
        case "Disconnected":
          return resume(Effect.fail(
            new Failure({ message: phase.fault?.message ?? `The connection to ${url} was closed.` })
          ))
      }
    }
    const forget = client.onChange(look)
    look()
    return Effect.sync(forget)
  })
  return client
})

/** Creates a thread and gives its id. */
export const create = Effect.fnUntraced(
  function*(client: Client.Client, name: string, visibility: Thread.Visibility) {
    const id = Client.commandId()
    const topic = client.topic(thread, topicOf(id))
    yield* topic.send({ _tag: "create_thread", name, visibility }, id)
    return topic.id
  }
)

const topicOf = (id: string): TopicId => `thread:${id}` as TopicId

/** The caller's newest open thread that `fits`, if there is one. */
export const own = Effect.fnUntraced(
  function*(client: Client.Client, fits: (thread: ThreadSummary) => boolean) {
    const { threads } = yield* client.threads()
    return threads
      .filter((one) => one.status === "active" && one.co_authors.includes(client.me) && fits(one))
      .toSorted((a, b) => b.updated_at - a.updated_at)[0]?.thread_id
  }
)

/** The caller's own thread of that title that nobody else reads; made when there is none. */
export const ownPrivate = Effect.fnUntraced(function*(client: Client.Client, title: string) {
  const found = yield* own(client, (one) => one.title === title && one.visibility === "members")
  return yield* named(client, found ?? (yield* create(client, title, "members")))
})

/** A thread by what somebody typed: its id, with or without `thread:`. */
export const named = (client: Client.Client, text: string): Effect.Effect<ThreadTopic, Failure> => {
  const id = text.startsWith("thread:") ? text.slice("thread:".length) : text
  return /^[A-Za-z0-9._~-]{1,200}$/.test(id)
    ? Effect.succeed(client.topic(thread, topicOf(id)))
    : Effect.fail(new Failure({ message: `${text} is not a thread's id.` }))
}

/** The thread once it is there to be seen, or the server's reason why it is not. */
export const ready = (topic: ThreadTopic): Effect.Effect<ThreadView, Failure> =>
  Effect.callback((resume) => {
    const forget = topic.on((view) => {
      if (view.sync._tag === "Refused") {
        resume(Effect.fail(new Failure({ message: `${topic.id}: ${view.sync.fault.message}.` })))
      } else if (view.position !== undefined) resume(Effect.succeed(view))
    })
    return Effect.sync(forget)
  })
