/** How a connection comes to stand for a user, and how it ceases to (AUT1, AUT2, AUT7, SEC7). */
import { Effect, Redacted } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { TopicId, UserId } from "../../domain/Ids.ts"
import type { Chorus } from "../../services/Chorus.ts"
import type { Directory } from "../../services/Directory.ts"
import type { EventLogError } from "../../services/EventLog.ts"
import type { Frame } from "../../services/Frame.ts"
import type { Opened, SessionError, Sessions } from "../../services/Sessions.ts"
import type { CommandRefused, Subscriber } from "../../services/Topics.ts"
import * as Account from "./Account.ts"
import * as Answers from "./Answers.ts"
import * as AuthBudget from "./AuthBudget.ts"
import { ended, type Floor, type Of, type Slot, tooSlow } from "./Floor.ts"
import { type Link, state } from "./Link.ts"
import * as Replies from "./Replies.ts"
import type { Users } from "./Users.ts"

export interface Options {
  readonly floor: Floor
  readonly users: Users<Link>
  readonly sessions: Sessions["Service"]
  readonly directory: Directory["Service"]
  readonly chorus: Chorus["Service"]["describe"]
  readonly audience: () => string
  /** A topic ended this connection's subscription. */
  readonly putOut: (link: Link, topic: TopicId) => void
}

export const make = ({ audience, chorus, directory, floor, putOut, sessions, users }: Options) => {
  const instances = new Map<string, Link>()
  const checkIn = AuthBudget.make(floor.limits, floor.wheel)

  /** A connection as topics know it. */
  class Hearer implements Subscriber {
    readonly user: UserId
    readonly gathers: boolean
    private readonly link: Link

    constructor(link: Link, user: UserId) {
      this.link = link
      this.user = user
      this.gathers = link.connection.gathers === true
    }

    get id(): string {
      return this.link.connection.id
    }

    deliver(frame: Frame): void {
      const { link } = this
      if (!Replies.holds(link)) return link.deliver(frame)
      Replies.pass(link, frame, link)
      if (link.heldSize > floor.limits.outboxMax) {
        floor.dispatch(link, tooSlow)
      }
    }

    putOut(topic: TopicId): void {
      putOut(this.link, topic)
    }
  }

  const draw = (link: Link, { public_key, ref }: Of<"Draw">, slot: Slot) => {
    const at = floor.now()
    const challenge = {
      nonce: sessions.nonce(),
      audience: audience(),
      origin: link.connection.metadata.origin,
      connection_id: link.connection.id,
      issued_at: at,
      expires_at: at + floor.limits.challengeTtl
    }
    floor.dispatch(link, { _tag: "Drawn", ref, public_key, challenge }, slot)
  }

  const authRefused = (
    link: Link,
    ref: Of<"Verify">["ref"],
    slot: Slot,
    { code, message, wait }: Answers.Refused
  ) =>
    floor.dispatch(link, {
      _tag: "AuthRefused",
      at: floor.now(),
      ref,
      code,
      message,
      ...(wait === undefined ? undefined : { retry_after_ms: wait })
    }, slot)

  const faultOf = (error: SessionError | CommandRefused | EventLogError): Answers.Refused =>
    error._tag === "SessionError" && !error.retryable
      ? { code: "auth_failed", message: error.message }
      : Answers.unavailable

  const verify = Effect.fnUntraced(
    function*(link: Link, intent: Of<"Verify">, slot: Slot) {
      const { challenge, public_key, ref, signature } = intent
      const wait = checkIn(link.connection.metadata.address, floor.now())
      if (wait > 0) return authRefused(link, ref, slot, tooMany(wait))
      if (!(yield* sessions.verify(challenge, public_key, signature))) {
        return authRefused(link, ref, slot, { code: "auth_failed", message: "the signature does not hold" })
      }
      yield* signedIn(link, ref, yield* sessions.open(public_key), slot)
    },
    (effect, link, { ref }, slot) =>
      Effect.catch(effect, (error) => Effect.sync(() => authRefused(link, ref, slot, faultOf(error))))
  )

  const resume = Effect.fnUntraced(
    function*(link: Link, { ref, token }: Of<"Resume">, slot: Slot) {
      const wait = checkIn(link.connection.metadata.address, floor.now())
      if (wait > 0) return authRefused(link, ref, slot, tooMany(wait))
      const secret = Redacted.make(token)
      const found = yield* sessions.resume(secret)
      // A session near its end goes on under a new token, or it would end right after its resumption.
      const old = found.expiresAt - floor.now() < floor.limits.sessionTtl / 2
      yield* signedIn(link, ref, old ? yield* succeed(found.user, found.id) : { ...found, token: secret }, slot)
    },
    (effect, link, { ref }, slot) =>
      Effect.catch(effect, (error) => Effect.sync(() => authRefused(link, ref, slot, faultOf(error))))
  )

  /** Gathers `init` first, so that the machine is signed in only when it can be said. */
  const signedIn = Effect.fnUntraced(function*(
    link: Link,
    ref: Of<"Verify">["ref"],
    { expiresAt, id, token, user }: Opened,
    slot: Slot
  ) {
    const balance = yield* Account.welcome(user)
    const threads = yield* directory.list(user, { kind: "thread", all: false, limit: Answers.listed })
    link.init = {
      _tag: "init",
      user: { public_key: user, balance },
      threads: threads.map(Answers.summary),
      session_token: Redacted.value(token),
      expires_at: expiresAt,
      connection_id: link.connection.id,
      ping_interval: floor.limits.pingInterval,
      pong_timeout: floor.limits.pongTimeout,
      chorus
    }
    floor.dispatch(link, { _tag: "SignedIn", at: floor.now(), ref, user, session: id, expires_at: expiresAt }, slot)
  })

  const welcome = (link: Link, { user }: Of<"Welcome">, slot: Slot) => {
    const { client_id } = state(link)
    const instance = `${user} ${client_id}`
    const before = client_id === null ? undefined : instances.get(instance)
    if (before !== undefined) {
      // AUT7: the connection that was made later counts, whichever of them proved its key first.
      const older = before.epoch < link.epoch ? before : link
      floor.dispatch(older, ended(closeCode.replaced, "this client connected again", false))
      if (older === link) return
    }
    if (users.connections(user).size >= floor.limits.connectionsPerUser) {
      return floor.dispatch(link, ended(closeCode.connectionLimit, "too many connections of one user", false))
    }
    if (client_id !== null) {
      instances.set(instance, link)
      link.instance = instance
    }
    link.account = users.enter(user, link)
    link.subscriber = new Hearer(link, user)
    if (link.init !== undefined) floor.say(link, slot, link.init)
    link.init = undefined
  }

  /** What a session was before it was renewed, for as long as that still resumes. */
  const before = new Map<string, string>()

  const live = (user: UserId, session: string): ReadonlyArray<Link> =>
    [...users.connections(user)].filter((one) => {
      const { status } = state(one)
      return status._tag === "Live" && status.session === session
    })

  /** Renews a session: all its connections go on under the new one, so that its end is theirs (SEC7). */
  const succeed = Effect.fnUntraced(function*(user: UserId, session: string) {
    const next = yield* sessions.renew(session)
    before.set(next.id, session)
    floor.wheel.add(floor.now() + floor.limits.sessionGrace, () => void before.delete(next.id))
    for (const one of live(user, session)) {
      floor.dispatch(one, { _tag: "Renewed", session: next.id, expires_at: next.expiresAt })
    }
    return next
  })

  const renew = Effect.fnUntraced(
    function*(link: Link, { ref, session }: Of<"Renew">, slot: Slot) {
      const { expiresAt, token } = yield* succeed(link.subscriber?.user as UserId, session)
      floor.say(link, slot, {
        _tag: "renewed",
        session_token: Redacted.value(token),
        expires_at: expiresAt,
        ref_id: ref
      })
      floor.settled(link, null, undefined)
    },
    (effect, link, { ref }, slot) =>
      Effect.catch(effect, (error) => floor.refused(link, slot, ref, null, faultOf(error)))
  )

  /** The token opens nothing any more, and every other connection it opened is cut (SEC7). */
  const revoke = (link: Link, session: string) => {
    const { subscriber } = link
    for (let one: string | undefined = session; one !== undefined; one = before.get(one)) {
      floor.run(Effect.ignore(sessions.revoke(one)))
    }
    if (subscriber === undefined) return
    for (const other of live(subscriber.user, session)) {
      floor.dispatch(other, ended(closeCode.forcedOut, "the session was ended", false))
    }
  }

  /** The connection stands for nobody (any more). */
  const release = (link: Link) => {
    const { subscriber } = link
    link.init = undefined
    if (subscriber === undefined) return
    const { user } = subscriber
    link.subscriber = undefined
    link.account = undefined
    // A reconnect must not refill the budgets.
    if (users.leave(user, link)) floor.wheel.add(floor.now() + 60_000, (at) => users.forget(user, at))
    if (link.instance !== undefined && instances.get(link.instance) === link) instances.delete(link.instance)
    link.instance = undefined
  }

  return { draw, verify, resume, welcome, renew, revoke, release }
}

const tooMany = (wait: number): Answers.Refused => ({
  code: "rate_limited",
  message: "too many people sign in from this address: try again in a moment",
  wait
})
