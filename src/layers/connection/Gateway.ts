/**
 * Drives the pure `Connection` machine: frames become messages, intents become
 * calls on topics, signals and sessions. It holds no rules.
 *
 * All of it runs in the socket's own callback; a fiber is started only for
 * what waits: signatures, session look-ups, lists.
 */
import { Clock, Context, Effect, FiberSet, Layer, Redacted, Result, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { closeCode } from "../../domain/CloseCode.ts"
import * as Connection from "../../domain/Connection.ts"
import * as Frames from "../../domain/Frames.ts"
import { type ConnectionId, kindOf, type TopicId, type UserId } from "../../domain/Ids.ts"
import * as Incoming from "../../domain/Incoming.ts"
import type { State as Thread } from "../../domain/kinds/ThreadModel.ts"
import type { Limits } from "../../domain/Limits.ts"
import { encode, type ServerMessage } from "../../domain/Protocol.ts"
import { Chorus } from "../../services/Chorus.ts"
import { Directory } from "../../services/Directory.ts"
import { Kinds } from "../../services/Kinds.ts"
import { type Opened, type SessionError, Sessions } from "../../services/Sessions.ts"
import { Signals } from "../../services/Signals.ts"
import { type Folded, Socket } from "../../services/Socket.ts"
import { type Frame, Topics } from "../../services/Topics.ts"
import * as Wheel from "../socket/Wheel.ts"
import * as Account from "./Account.ts"
import * as Answers from "./Answers.ts"
import * as Link from "./Link.ts"
import * as Replies from "./Replies.ts"
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
  const chorus = yield* Chorus
  const read = Incoming.reader(yield* Kinds, limits)
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const wheel = yield* Wheel.make(Math.min(1_000, limits.authTimeout))
  const run = yield* FiberSet.makeRuntime<Topics, void, never>()
  const nextId = Frames.counter(randomBytes(9))
  const links = new Map<ConnectionId, Link.Link>()
  const instances = new Map<string, Link.Link>()
  const users = Users.make<Link.Link>(limits)

  // -- Out --

  const frame = (message: ServerMessage, topic?: TopicId, lane: Frame["lane"] = { _tag: "Reply" }): Frame => ({
    text: encode(message, { id: nextId(), timestamp: now(), thread_id: topic }),
    lane
  })

  const say = (link: Link.Link, slot: Replies.Slot | undefined, message: ServerMessage, topic?: TopicId) => {
    if (slot === undefined) link.connection.deliver(frame(message, topic))
    else Replies.say(link.replies, slot, frame(message, topic), link.connection.deliver)
  }

  const done = (link: Link.Link, slot: Replies.Slot | undefined) => {
    if (slot !== undefined) Replies.done(link.replies, slot, link.connection.deliver)
  }

  const subscriber = (link: Link.Link, user: UserId) => ({
    id: link.connection.id,
    user,
    deliver: (frame: Frame) => {
      Replies.pass(link.replies, frame, link.connection.deliver)
      if (link.replies.size > limits.outboxMax) {
        dispatch(link, ended(closeCode.slowConsumer, "too slow: come back and catch up", true))
      }
    }
  })

  // -- The machine --

  const dispatch = (link: Link.Link, message: Connection.Message, slot?: Replies.Slot) => {
    link.inbox.push({ message, slot })
    if (link.stepping) return
    link.stepping = true
    for (let next = link.inbox.shift(); next !== undefined; next = link.inbox.shift()) {
      const before = Link.state(link)
      const [after, intents] = Connection.step(before, next.message, limits)
      link.state.ref.current = after
      if (before.status !== after.status) wake(link)
      for (const intent of intents) perform(link, intent, next.slot)
      if (after.user === null) release(link)
    }
    link.stepping = false
  }

  /** Has the wheel look when the state wants it, unless it will look before. */
  const wake = (link: Link.Link) => {
    const due = Connection.nextWake(Link.state(link), limits)
    if (due === undefined || due >= link.wakeAt) return
    link.wakeAt = due
    wheel.add(due, (at) => {
      if (link.wakeAt !== due) return undefined
      link.wakeAt = Number.POSITIVE_INFINITY
      dispatch(link, { _tag: "Ticked", at })
      return void wake(link)
    })
  }

  const perform = (link: Link.Link, intent: Connection.Intent, slot: Replies.Slot | undefined): void => {
    switch (intent._tag) {
      case "Draw":
        return draw(link, intent, slot)
      case "Verify":
        return start(link, slot, verify(link, intent, slot))
      case "Resume":
        return start(link, slot, resume(link, intent, slot))
      case "Welcome":
        return welcome(link, intent, slot)
      case "Renew":
        return start(link, slot, renew(link, intent, slot))
      case "Revoke":
        return revoke(link, intent.session)
      case "Hold":
        return void run(Effect.ignore(sessions.hold(intent.session, intent.until)))
      case "Post":
        return post(link, intent, slot)
      case "Subscribe":
        return subscribe(link, intent, slot)
      case "Unsubscribe":
        return unsubscribe(link, intent.topic)
      case "Acknowledge": // Flow control reads the socket itself; the measures of SYN6 are counted elsewhere.
        return
      case "Signal":
        return link.subscriber && signals.signal(intent.topic, link.subscriber, intent.key, intent.value)
      case "ListThreads":
        return start(link, slot, listThreads(link, intent, slot))
      case "ReadThread":
        return start(link, slot, readThread(link, intent, slot))
      case "ReadUser":
        return start(link, slot, readUser(link, intent, slot))
      case "Answer":
        return say(link, slot, intent.message, intent.topic ?? undefined)
      case "Close":
        return close(link, intent)
      default:
        return intent satisfies never
    }
  }

  type Of<T extends Connection.Intent["_tag"]> = Extract<Connection.Intent, { readonly _tag: T }>

  /** Runs what waits; the message's slot stays open until it is over. */
  const start = (link: Link.Link, slot: Replies.Slot | undefined, effect: Effect.Effect<void, never, Topics>) => {
    if (slot !== undefined) slot.waiting += 1
    run(Effect.ensuring(effect, Effect.sync(() => done(link, slot))))
  }

  const settled = (
    link: Link.Link,
    topic: TopicId | null,
    refused: Pick<Answers.Refused, "code" | "message"> | undefined
  ) => dispatch(link, { _tag: "Settled", topic, code: refused?.code ?? null, message: refused?.message ?? "" })

  // -- Signing in --

  const draw = (link: Link.Link, { public_key, ref }: Of<"Draw">, slot: Replies.Slot | undefined) => {
    const at = now()
    const challenge = {
      nonce: sessions.nonce(),
      audience: audience(),
      origin: link.connection.metadata.origin,
      connection_id: link.connection.id,
      issued_at: at,
      expires_at: at + limits.challengeTtl
    }
    dispatch(link, { _tag: "Drawn", ref, public_key, challenge }, slot)
  }

  const authRefused = (
    link: Link.Link,
    ref: Of<"Verify">["ref"],
    slot: Replies.Slot | undefined,
    { code, message }: Answers.Refused
  ) => dispatch(link, { _tag: "AuthRefused", at: now(), ref, code, message }, slot)

  const sessionFault = (error: SessionError): Answers.Refused =>
    error.retryable ? Answers.unavailable : { code: "auth_failed", message: error.message }

  const verify = Effect.fnUntraced(
    function*(link: Link.Link, intent: Of<"Verify">, slot: Replies.Slot | undefined) {
      const { challenge, public_key, ref, signature } = intent
      if (!(yield* sessions.verify(challenge, public_key, signature))) {
        return authRefused(link, ref, slot, { code: "auth_failed", message: "the signature does not hold" })
      }
      yield* signedIn(link, ref, yield* sessions.open(public_key), slot)
    },
    (effect, link, { ref }, slot) =>
      Effect.catch(
        effect,
        (error) =>
          Effect.sync(() =>
            authRefused(link, ref, slot, error._tag === "SessionError" ? sessionFault(error) : Answers.unavailable)
          )
      )
  )

  const resume = Effect.fnUntraced(
    function*(link: Link.Link, { ref, token }: Of<"Resume">, slot: Replies.Slot | undefined) {
      const secret = Redacted.make(token)
      yield* signedIn(link, ref, { ...(yield* sessions.resume(secret)), token: secret }, slot)
    },
    (effect, link, { ref }, slot) =>
      Effect.catch(
        effect,
        (error) =>
          Effect.sync(() =>
            authRefused(link, ref, slot, error._tag === "SessionError" ? sessionFault(error) : Answers.unavailable)
          )
      )
  )

  /** Gathers `init` first, so that the machine is signed in only when it can be said. */
  const signedIn = Effect.fnUntraced(function*(
    link: Link.Link,
    ref: Of<"Verify">["ref"],
    { expiresAt, id, token, user }: Opened,
    slot: Replies.Slot | undefined
  ) {
    const balance = yield* Account.welcome(user)
    const threads = yield* directory.list(user, { kind: "thread", all: false, limit: listed })
    link.init = {
      _tag: "init",
      user: { public_key: user, balance },
      threads: threads.map(Answers.summary),
      session_token: Redacted.value(token),
      expires_at: expiresAt,
      connection_id: link.connection.id,
      ping_interval: limits.pingInterval,
      pong_timeout: limits.pongTimeout,
      chorus: chorus.describe
    }
    dispatch(link, { _tag: "SignedIn", at: now(), ref, user, session: id, expires_at: expiresAt }, slot)
  })

  const welcome = (link: Link.Link, { user }: Of<"Welcome">, slot: Replies.Slot | undefined) => {
    const { client_id } = Link.state(link)
    const instance = `${user} ${client_id}`
    const before = client_id === null ? undefined : instances.get(instance)
    if (before !== undefined) dispatch(before, ended(closeCode.replaced, "this client connected again", false)) // AUT7
    if (users.connections(user).size >= limits.connectionsPerUser) {
      return dispatch(link, ended(closeCode.connectionLimit, "too many connections of one user", false))
    }
    if (client_id !== null) instances.set(instance, link)
    users.enter(user, link, now())
    link.subscriber = subscriber(link, user)
    if (link.init !== undefined) say(link, slot, link.init)
    link.init = undefined
  }

  const renew = Effect.fnUntraced(
    function*(link: Link.Link, { ref, session }: Of<"Renew">, slot: Replies.Slot | undefined) {
      const { expiresAt, id, token } = yield* sessions.renew(session)
      dispatch(link, { _tag: "Renewed", session: id, expires_at: expiresAt })
      say(link, slot, { _tag: "renewed", session_token: Redacted.value(token), expires_at: expiresAt, ref_id: ref })
      settled(link, null, undefined)
    },
    (effect, link, { ref }, slot) =>
      Effect.catch(effect, (error) => refused(link, slot, ref, null, sessionFault(error)))
  )

  /** The token opens nothing any more, and every other connection it opened is cut (SEC7). */
  const revoke = (link: Link.Link, session: string) => {
    const { subscriber } = link
    run(Effect.ignore(sessions.revoke(session)))
    if (subscriber === undefined) return
    for (const other of users.connections(subscriber.user as UserId)) {
      const { status } = Link.state(other)
      if (status._tag === "Live" && status.session === session) {
        dispatch(other, ended(closeCode.forcedOut, "the session was ended", false))
      }
    }
  }

  /** The connection stands for nobody (any more). */
  const release = (link: Link.Link) => {
    const { subscriber } = link
    if (subscriber === undefined) return
    const user = subscriber.user as UserId
    link.subscriber = undefined
    users.leave(user, link)
    for (const [key, other] of instances) if (other === link) instances.delete(key)
    if (users.connections(user).size === 0) wheel.add(now() + 60_000, () => void users.forget(user))
  }

  // -- Topics --

  const refused = (
    link: Link.Link,
    slot: Replies.Slot | undefined,
    ref: string,
    topic: TopicId | null,
    fault: Answers.Refused
  ) =>
    Effect.sync(() => {
      say(link, slot, Answers.error(ref, fault), topic ?? undefined)
      settled(link, topic, fault)
    })

  const post = (link: Link.Link, { command, ref, topic }: Of<"Post">, slot: Replies.Slot | undefined) => {
    if (link.subscriber === undefined) return
    if (slot !== undefined) slot.waiting += 1
    topics.post(topic, {
      id: ref,
      author: link.subscriber.user,
      input: command,
      reply: (outcome) => {
        if (Result.isSuccess(outcome)) say(link, slot, Answers.receipt(ref, outcome.success), topic)
        else say(link, slot, Answers.error(ref, outcome.failure), topic)
        settled(link, topic, Result.isFailure(outcome) ? outcome.failure : undefined)
        done(link, slot)
      }
    })
  }

  const subscribe = (link: Link.Link, intent: Of<"Subscribe">, slot: Replies.Slot | undefined) => {
    const { position, ref, topic } = intent
    const { subscriber } = link
    if (subscriber === undefined) return
    if (slot !== undefined) slot.waiting += 1
    topics.subscribe(topic, subscriber, position ?? undefined, (outcome) => {
      const wanted = link.subscriber === subscriber && Link.state(link).subscriptions.includes(topic)
      if (Result.isFailure(outcome)) {
        say(link, slot, Answers.error(ref, outcome.failure), topic)
        dispatch(link, { _tag: "Unsubscribed", topic })
      } else {
        const shared = wanted ? signals.enter(topic, subscriber) : { presence: [], signals: [] }
        link.subscriptions.set(topic, { ref, epoch: outcome.success.position.epoch })
        link.connection.unfold(topic)
        say(link, slot, Answers.subscribed(ref, outcome.success, shared), topic)
        if (slot !== undefined) Replies.hold(link.replies, slot, topic)
        for (const piece of signals.running(topic)) {
          subscriber.deliver(frame({ _tag: "chorus_response", ...piece }, topic, { _tag: "Stream", topic }))
        }
        // It was given up while it was being made.
        if (!wanted) unsubscribe(link, topic)
      }
      settled(link, topic, Result.isFailure(outcome) ? outcome.failure : undefined)
      done(link, slot)
    })
  }

  const unsubscribe = (link: Link.Link, topic: TopicId) => {
    link.subscriptions.delete(topic)
    topics.unsubscribe(topic, link.connection.id)
    signals.leave(topic, link.connection.id)
  }

  /** CON8: a slow client has room again; each topic it missed something of comes as one catch-up. */
  const catchUp = (link: Link.Link, folded: Folded) => {
    for (const [topic, first] of folded) {
      const { subscriber } = link
      const subscription = link.subscriptions.get(topic)
      if (subscriber === undefined || subscription === undefined) continue
      const from = first.lane._tag === "Durable" ? Answers.from(first.text) : undefined
      const position = from === undefined ? undefined : { epoch: subscription.epoch, seq: from }
      topics.subscribe(topic, subscriber, position, (outcome) => {
        link.connection.unfold(topic)
        if (Result.isFailure(outcome)) return dispatch(link, { _tag: "Unsubscribed", topic })
        const caught = outcome.success
        const message = caught.mode === "deltas" && from !== undefined
          ? Answers.missed(from, caught)
          : Answers.subscribed(subscription.ref, caught, signals.enter(topic, subscriber))
        if (message !== undefined) {
          subscriber.deliver(frame(message, topic, { _tag: "Durable", topic, seq: caught.position.seq }))
        }
        for (const piece of signals.running(topic)) {
          subscriber.deliver(frame({ _tag: "chorus_response", ...piece }, topic, { _tag: "Stream", topic }))
        }
      })
    }
  }

  // -- Look-ups --

  const listThreads = Effect.fnUntraced(
    function*(link: Link.Link, { all, ref }: Of<"ListThreads">, slot: Replies.Slot | undefined) {
      if (link.subscriber === undefined) return
      const threads = yield* directory.list(link.subscriber.user, { kind: "thread", all, limit: listed })
      say(link, slot, { _tag: "threads", threads: threads.map(Answers.summary), ref_id: ref })
      settled(link, null, undefined)
    },
    (effect, link, { ref }, slot) => Effect.catch(effect, () => refused(link, slot, ref, null, Answers.unavailable))
  )

  const readThread = Effect.fnUntraced(
    function*(link: Link.Link, { ref, topic }: Of<"ReadThread">, slot: Replies.Slot | undefined) {
      if (link.subscriber === undefined) return
      if (kindOf(topic) !== "thread") return yield* refused(link, slot, ref, topic, notAThread)
      const thread = (yield* topics.state(topic, link.subscriber.user)) as Thread
      say(link, slot, Answers.messages(ref, thread), topic)
      settled(link, topic, undefined)
    },
    (effect, link, { ref, topic }, slot) =>
      Effect.catch(effect, (error) => refused(link, slot, ref, topic, error.rejection))
  )

  const readUser = Effect.fnUntraced(
    function*(link: Link.Link, { ref }: Of<"ReadUser">, slot: Replies.Slot | undefined) {
      if (link.subscriber === undefined) return
      const user = link.subscriber.user as UserId
      const balance = yield* Account.balance(user)
      say(link, slot, { _tag: "user", user: { public_key: user, balance }, ref_id: ref })
      settled(link, null, undefined)
    },
    (effect, link, { ref }, slot) => Effect.catch(effect, (error) => refused(link, slot, ref, null, error.rejection))
  )

  // -- The socket's side --

  const goodbye = (link: Link.Link, { code, reason, resume, retry_after_ms }: Omit<Of<"Close">, "_tag">) => {
    if (link.saidGoodbye) return
    link.saidGoodbye = true
    say(link, undefined, { _tag: "goodbye", code, reason, resume, retry_after_ms })
  }

  const close = (link: Link.Link, intent: Of<"Close">) => {
    goodbye(link, intent)
    release(link)
    run(link.connection.close(intent.code, intent.reason))
  }

  const hear = (link: Link.Link, text: string) => {
    const at = now()
    const slot = Replies.open(link.replies)
    const bytes = Buffer.byteLength(text)
    const result = read(text)
    if (Result.isFailure(result)) {
      dispatch(link, { _tag: "Garbled", at, bytes, ...result.failure }, slot)
    } else {
      const incoming = result.success
      const lane = Connection.lane(incoming)
      const wait = lane === "none" || link.subscriber === undefined
        ? 0
        : users.take(link.subscriber.user as UserId, lane, at)
      dispatch(link, { _tag: "Heard", at, bytes, incoming, wait }, slot)
    }
    done(link, slot)
  }

  yield* socket.onConnection((connection) => {
    const link = Link.make(connection)
    links.set(connection.id, link)
    wake(link)
  })
  yield* socket.onDisconnection((connection, code) => {
    const link = links.get(connection.id)
    if (link === undefined) return
    links.delete(connection.id)
    dispatch(link, { _tag: "Dropped", at: now(), code })
    release(link)
  })
  yield* socket.onDrained((connection, folded) => {
    const link = links.get(connection.id)
    if (link !== undefined) catchUp(link, folded)
  })
  yield* socket.registerMessageHandler("*", (connection, text) => {
    const link = links.get(connection.id)
    if (link !== undefined) hear(link, text)
  })

  const drain = Effect.gen(function*() {
    const pause = Math.min(limits.drainSpread / Math.max(1, links.size), 5)
    let position = 0
    for (const link of links.values()) {
      const retry = Math.min(5_000, Math.ceil(position++ * pause))
      goodbye(link, { ...restart, retry_after_ms: retry })
    }
    for (const link of links.values()) {
      dispatch(link, { _tag: "Ended", ...restart, retry_after_ms: 0 })
      yield* Effect.sleep(pause)
    }
  })

  return Gateway.of({
    drain,
    state: (id) => {
      const link = links.get(id)
      return link === undefined ? undefined : Link.state(link)
    }
  })
})

/** The most threads in one list. */
const listed = 1_000

const notAThread: Answers.Refused = { code: "unknown_type", message: "only threads have messages to get" }

const restart = { code: closeCode.restart, reason: "the server restarts", resume: true }

const ended = (code: number, reason: string, resume: boolean): Connection.Message => ({
  _tag: "Ended",
  code,
  reason,
  resume,
  retry_after_ms: 0
})

/** Serves the socket engine's connections. */
export const layer = (options: Options): Layer.Layer<Gateway, never, Requires> => Layer.effect(Gateway, make(options))
