/**
 * Drives the pure `Connection` machine: frames become messages, intents become
 * calls on topics, signals and sessions. It holds no rules.
 *
 * All of it runs in the socket's own callback; a fiber is started only for
 * what waits: signatures, session look-ups, lists.
 */
import { Clock, Context, Effect, FiberSet, Layer, Result, type Scope } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type * as Connection from "../../domain/connection/Connection.ts"
import * as Incoming from "../../domain/connection/Incoming.ts"
import type { ConnectionId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import * as Uuids from "../../domain/Uuids.ts"
import { Chorus } from "../../services/Chorus.ts"
import { Directory } from "../../services/Directory.ts"
import { Kinds } from "../../services/Kinds.ts"
import { Sessions } from "../../services/Sessions.ts"
import { Signals } from "../../services/Signals.ts"
import { type Connection as SocketConnection, Socket } from "../../services/Socket.ts"
import { Topics } from "../../services/Topics.ts"
import * as Entropy from "../Entropy.ts"
import { Metrics } from "../observability/Metrics.ts"
import * as Wheel from "../socket/Wheel.ts"
import * as Floor from "./Floor.ts"
import * as Link from "./Link.ts"
import * as Lookups from "./Lookups.ts"
import * as Replies from "./Replies.ts"
import * as SignIn from "./SignIn.ts"
import * as Traffic from "./Traffic.ts"
import * as Users from "./Users.ts"

export interface Options {
  /** What a signature is made for: this server's public origin (SEC3). */
  readonly audience: () => string
  readonly limits: Limits
}

/** The people at the other ends of the sockets. */
export class Gateway extends Context.Service<Gateway, {
  /**
   * Says goodbye to everybody, then closes their connections one after another with 1012 (SYN11): at most
   * `drainSpread` ms for all, and no longer than the number of clients needs.
   */
  readonly drain: Effect.Effect<void>
  /** The state of a connection's machine, for tests and metrics. */
  readonly state: (id: ConnectionId) => Connection.State | undefined
  /** Hashes of states that clients have found right and wrong so far: `sync_accuracy` is the share of the former (SYN7). */
  readonly sync: Readonly<{ matches: number; mismatches: number }>
}>()("choir/layers/connection/Gateway") {}

type Requires = Socket | Topics | Signals | Sessions | Directory | Kinds | Chorus

const make = Effect.fnUntraced(function*(
  { audience, limits }: Options
): Effect.fn.Return<Gateway["Service"], never, Requires | Scope.Scope> {
  const socket = yield* Socket
  const topics = yield* Topics
  const signals = yield* Signals
  const sessions = yield* Sessions
  const directory = yield* Directory
  const metrics = yield* Metrics
  const chorus = (yield* Chorus).describe
  const kinds = yield* Kinds
  const read = Incoming.reader(kinds, limits)
  const run = yield* FiberSet.makeRuntime<Topics, void, never>()
  const links = new Map<ConnectionId, Link.Link>()
  const users = Users.make<Link.Link>(limits, kinds)
  const sync = { matches: 0, mismatches: 0 }
  let draining = false
  let epoch = 0

  const floor: Floor.Floor = Floor.make({
    limits,
    clock: yield* Clock.Clock,
    metrics,
    nextId: Uuids.counter((yield* Entropy.Bytes)(9)),
    wheel: yield* Wheel.make(Math.min(Wheel.tick, limits.authTimeout)),
    run,
    perform: (link, intent, slot) => perform(link, intent, slot),
    release: (link) => signIn.release(link)
  })
  const signIn = SignIn.make({
    floor,
    users,
    sessions,
    directory,
    chorus,
    audience,
    putOut: (link, topic) => traffic.putOut(link, topic)
  })
  const traffic = Traffic.make({ floor, topics, signals, sessions })
  const lookups = Lookups.make({ floor, topics, directory })

  const perform: Floor.Perform = (link, intent, slot) => {
    switch (intent._tag) {
      case "Draw":
        return signIn.draw(link, intent, slot)
      case "Verify":
        return floor.start(link, slot, intent.ref, signIn.verify(link, intent, slot))
      case "Resume":
        return floor.start(link, slot, intent.ref, signIn.resume(link, intent, slot))
      case "Welcome":
        return signIn.welcome(link, intent, slot)
      case "Renew":
        return floor.start(link, slot, intent.ref, signIn.renew(link, intent, slot))
      case "Revoke":
        return signIn.revoke(link, intent.session)
      case "Hold":
        return void run(Effect.ignore(sessions.hold(intent.session, intent.until)))
      case "Post":
        return traffic.post(link, intent, slot)
      case "Subscribe":
        return traffic.subscribe(link, intent, slot)
      case "Unsubscribe":
        return traffic.unsubscribe(link, intent.topic)
      case "Acknowledge": // Flow control reads the socket itself; an ack is counted, no more.
        sync.matches += intent.matches
        link.acknowledge(intent.topic, intent.seq)
        return
      case "Desynced": {
        sync.mismatches += 1
        const { expected, found, seq, topic } = intent
        return void run(
          Effect.logWarning("a client's copy of a topic has drifted away").pipe(
            Effect.annotateLogs({ topic, seq, expected, found, connection: link.connection.id })
          )
        )
      }
      case "Signal":
        return link.subscriber && signals.signal(intent.topic, link.subscriber, intent.key, intent.value)
      case "ListThreads":
        return floor.start(link, slot, intent.ref, lookups.listThreads(link, intent, slot))
      case "ReadThread":
        return floor.start(link, slot, intent.ref, lookups.readThread(link, intent, slot))
      case "ReadUser":
        return floor.start(link, slot, intent.ref, lookups.readUser(link, intent, slot))
      case "Answer":
        return floor.say(link, slot, intent.message, intent.topic ?? undefined)
      case "Close":
        return close(link, intent)
      default:
        return intent satisfies never
    }
  }

  const goodbye = (link: Link.Link, { code, reason, resume, retry_after_ms }: Omit<Floor.Of<"Close">, "_tag">) => {
    if (link.saidGoodbye) return
    link.saidGoodbye = true
    floor.say(link, undefined, { _tag: "goodbye", code, reason, resume, retry_after_ms })
  }

  const close = (link: Link.Link, intent: Floor.Of<"Close">) => {
    goodbye(link, intent)
    signIn.release(link)
    run(link.connection.close(intent.code, intent.reason))
  }

  const hear = (link: Link.Link, text: string) => {
    metrics.received.value += 1
    const at = floor.now()
    const slot = Replies.open(link)
    const bytes = Buffer.byteLength(text)
    const result = read(text)
    if (Result.isFailure(result)) {
      floor.dispatch(link, { _tag: "Garbled", at, bytes, ...result.failure }, slot)
    } else {
      const incoming = result.success
      const { budget, wait } = users.draw(link.account, Link.state(link), incoming, at)
      floor.dispatch(link, { _tag: "Heard", at, bytes, incoming, budget, wait }, slot)
    }
    floor.done(link, slot)
  }

  yield* socket.onConnection((connection) => {
    const link = new Link.Link(connection, ++epoch, metrics, floor.woken)
    links.set(connection.id, link)
    connection.attachment = link
    floor.wake(link)
    if (draining) floor.dispatch(link, { _tag: "Ended", ...restart, retry_after_ms: longestRetry })
  })
  yield* socket.onDisconnection((connection, code) => {
    const link = linkOf(connection)
    if (link === undefined) return
    links.delete(connection.id)
    connection.attachment = undefined
    floor.dispatch(link, { _tag: "Dropped", at: floor.now(), code })
    signIn.release(link)
    floor.wheel.drop(link)
  })
  yield* socket.onDrained((connection, folded) => {
    const link = linkOf(connection)
    if (link !== undefined) traffic.drained(link, folded)
  })
  yield* socket.registerMessageHandler("*", (connection, text) => {
    const link = linkOf(connection)
    if (link === undefined) return
    try {
      hear(link, text)
    } catch (defect) {
      // A broken invariant ends this connection, and no other (CON4).
      run(
        Effect.andThen(Effect.logError("a connection met a defect", defect), connection.close(closeCode.internal, ""))
      )
    }
  })

  const drain = Effect.gen(function*() {
    draining = true
    const pause = Math.min(limits.drainSpread / Math.max(1, links.size), perClient)
    let position = 0
    for (const link of links.values()) {
      goodbye(link, { ...restart, retry_after_ms: Math.min(longestRetry, Math.ceil(position++ * pause)) })
    }
    for (const link of links.values()) {
      floor.dispatch(link, { _tag: "Ended", ...restart, retry_after_ms: 0 })
      yield* Effect.sleep(pause)
    }
  })

  return Gateway.of({
    drain,
    sync,
    state: (id) => {
      const link = links.get(id)
      return link === undefined ? undefined : Link.state(link)
    }
  })
})

const linkOf = ({ attachment }: SocketConnection): Link.Link | undefined =>
  attachment instanceof Link.Link ? attachment : undefined

const restart = { code: closeCode.restart, reason: "the server restarts", resume: true }

/** Milliseconds between two closes of a drain, and the longest a client is asked to wait before it comes back. */
const perClient = 5
const longestRetry = 5_000

/** Serves the socket engine's connections. */
export const layer = (options: Options): Layer.Layer<Gateway, never, Requires> => Layer.effect(Gateway, make(options))
