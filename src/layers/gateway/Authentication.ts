/** How a connection comes to stand for a user, and how it ceases to (AUT1, AUT2, AUT7, SEC7). */
import { Effect, Redacted } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { TopicId, UserId } from "../../domain/protocol/Ids.ts"
import type { Chorus } from "../../services/Chorus.ts"
import type { Directory } from "../../services/Directory.ts"
import type { EventLogError } from "../../services/EventLog.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { IssuedSession, SessionError, Sessions } from "../../services/Sessions.ts"
import type { CommandRejected, Subscriber } from "../../services/Topics.ts"
import * as ReplyOrder from "../delivery/ReplyOrder.ts"
import * as AuthRateLimiter from "./AuthRateLimiter.ts"
import { type ClientConnection, stateOf } from "./ClientConnection.ts"
import {
  closeRequested,
  type ConnectionRuntime,
  type IntentOf,
  type ReplyTarget,
  slowConsumerClose
} from "./ConnectionRuntime.ts"
import * as LedgerAccount from "./LedgerAccount.ts"
import * as ServerMessages from "./ServerMessages.ts"
import type { UserBudgets } from "./UserBudgets.ts"

export interface AuthenticationDependencies {
  readonly runtime: ConnectionRuntime
  readonly userBudgets: UserBudgets<ClientConnection>
  readonly sessions: Sessions["Service"]
  readonly directory: Directory["Service"]
  readonly chorus: Chorus["Service"]["modelInfo"]
  readonly audience: () => string
  /** A topic ended this connection's subscription. */
  readonly onAccessRevoked: (client: ClientConnection, topic: TopicId) => void
}

export const make = (
  { audience, chorus, directory, runtime, onAccessRevoked, sessions, userBudgets }: AuthenticationDependencies
) => {
  const connectionsByInstance = new Map<string, ClientConnection>()
  const limitAttempts = AuthRateLimiter.make(runtime.limits, runtime.wheel)

  /** A connection as topics know it. */
  class ConnectionSubscriber implements Subscriber {
    readonly user: UserId
    readonly supportsBatching: boolean
    private readonly client: ClientConnection

    constructor(client: ClientConnection, user: UserId) {
      this.client = client
      this.user = user
      this.supportsBatching = client.connection.supportsBatching === true
    }

    get id(): string {
      return this.client.connection.id
    }

    deliver(frame: OutboundFrame): void {
      const { client } = this
      if (!ReplyOrder.hasHeldTopics(client)) return client.deliver(frame)
      ReplyOrder.deliverOrHold(client, frame, client)
      if (client.heldLength > runtime.limits.outboxMax) {
        runtime.dispatch(client, slowConsumerClose)
      }
    }

    onAccessRevoked(topic: TopicId): void {
      onAccessRevoked(this.client, topic)
    }
  }

  const issueChallenge = (
    client: ClientConnection,
    { public_key, ref }: IntentOf<"IssueChallenge">,
    slot: ReplyTarget
  ) => {
    const at = runtime.now()
    const challenge = {
      nonce: sessions.nonce(),
      audience: audience(),
      origin: client.connection.metadata.origin,
      connection_id: client.connection.id,
      issued_at: at,
      expires_at: at + runtime.limits.challengeTtl
    }
    runtime.dispatch(client, { _tag: "ChallengeIssued", ref, public_key, challenge }, slot)
  }

  const rejectAuthentication = (
    client: ClientConnection,
    ref: IntentOf<"VerifySignature">["ref"],
    slot: ReplyTarget,
    { code, message, wait }: ServerMessages.RequestRejection
  ) =>
    runtime.dispatch(client, {
      _tag: "AuthRejected",
      at: runtime.now(),
      ref,
      code,
      message,
      ...(wait === undefined ? undefined : { retry_after_ms: wait })
    }, slot)

  const rejectionOf = (error: SessionError | CommandRejected | EventLogError): ServerMessages.RequestRejection =>
    error._tag === "SessionError" && !error.retryable
      ? { code: "auth_failed", message: error.message }
      : ServerMessages.unavailableError

  const verify = Effect.fnUntraced(
    function*(client: ClientConnection, intent: IntentOf<"VerifySignature">, slot: ReplyTarget) {
      const { challenge, public_key, ref, signature } = intent
      const wait = limitAttempts(client.connection.metadata.address, runtime.now())
      if (wait > 0) return rejectAuthentication(client, ref, slot, tooManyAttempts(wait))
      if (!(yield* sessions.verifyChallenge(challenge, public_key, signature))) {
        return rejectAuthentication(client, ref, slot, { code: "auth_failed", message: "the signature does not hold" })
      }
      yield* completeSignIn(client, ref, yield* sessions.open(public_key), slot)
    },
    (effect, client, { ref }, slot) =>
      Effect.catch(effect, (error) => Effect.sync(() => rejectAuthentication(client, ref, slot, rejectionOf(error))))
  )

  const resume = Effect.fnUntraced(
    function*(client: ClientConnection, { ref, token }: IntentOf<"ResumeSession">, slot: ReplyTarget) {
      const wait = limitAttempts(client.connection.metadata.address, runtime.now())
      if (wait > 0) return rejectAuthentication(client, ref, slot, tooManyAttempts(wait))
      const redactedToken = Redacted.make(token)
      const session = yield* sessions.resume(redactedToken)
      // A session near its end goes on under a new token, or it would end right after its resumption.
      const nearExpiry = session.expiresAt - runtime.now() < runtime.limits.sessionTtl / 2
      yield* completeSignIn(
        client,
        ref,
        nearExpiry ? yield* rotateSession(session.user, session.id) : { ...session, token: redactedToken },
        slot
      )
    },
    (effect, client, { ref }, slot) =>
      Effect.catch(effect, (error) => Effect.sync(() => rejectAuthentication(client, ref, slot, rejectionOf(error))))
  )

  /** Gathers `init` first, so that the machine is signed in only when it can be said. */
  const completeSignIn = Effect.fnUntraced(function*(
    client: ClientConnection,
    ref: IntentOf<"VerifySignature">["ref"],
    { expiresAt, id, token, user }: IssuedSession,
    slot: ReplyTarget
  ) {
    const balance = yield* LedgerAccount.ensureAccount(user)
    const threads = yield* directory.list(user, {
      kind: "thread",
      includePublic: false,
      limit: ServerMessages.maxListedThreads
    })
    client.pendingInit = {
      _tag: "init",
      user: { public_key: user, balance },
      threads: threads.map(ServerMessages.threadSummary),
      session_token: Redacted.value(token),
      expires_at: expiresAt,
      connection_id: client.connection.id,
      ping_interval: runtime.limits.pingInterval,
      pong_timeout: runtime.limits.pongTimeout,
      chorus
    }
    runtime.dispatch(
      client,
      { _tag: "SignedIn", at: runtime.now(), ref, user, session: id, expires_at: expiresAt },
      slot
    )
  })

  const sendInit = (client: ClientConnection, { user }: IntentOf<"SendInit">, slot: ReplyTarget) => {
    const { client_id } = stateOf(client)
    const instance = `${user} ${client_id}`
    const existing = client_id === null ? undefined : connectionsByInstance.get(instance)
    if (existing !== undefined) {
      // AUT7: the connection that was made later counts, whichever of them proved its key first.
      const older = existing.epoch < client.epoch ? existing : client
      runtime.dispatch(older, closeRequested(closeCode.replaced, "this client connected again", false))
      if (older === client) return
    }
    if (userBudgets.connectionsOf(user).size >= runtime.limits.connectionsPerUser) {
      return runtime.dispatch(
        client,
        closeRequested(closeCode.connectionLimit, "too many connections of one user", false)
      )
    }
    if (client_id !== null) {
      connectionsByInstance.set(instance, client)
      client.instanceKey = instance
    }
    client.userBudget = userBudgets.addConnection(user, client)
    client.subscriber = new ConnectionSubscriber(client, user)
    if (client.pendingInit !== undefined) runtime.sendMessage(client, slot, client.pendingInit)
    client.pendingInit = undefined
  }

  /** What a session was before it was renewed, for as long as that still resumes. */
  const predecessors = new Map<string, string>()

  const connectionsOfSession = (user: UserId, session: string): ReadonlyArray<ClientConnection> =>
    [...userBudgets.connectionsOf(user)].filter((connection) => {
      const { status } = stateOf(connection)
      return status._tag === "Authenticated" && status.session === session
    })

  /** Renews a session: all its connections go on under the new one, so that its end is theirs (SEC7). */
  const rotateSession = Effect.fnUntraced(function*(user: UserId, session: string) {
    const next = yield* sessions.renew(session)
    predecessors.set(next.id, session)
    runtime.wheel.scheduleCallback(runtime.now() + runtime.limits.sessionGrace, () => void predecessors.delete(next.id))
    for (const connection of connectionsOfSession(user, session)) {
      runtime.dispatch(connection, { _tag: "SessionRenewed", session: next.id, expires_at: next.expiresAt })
    }
    return next
  })

  const renew = Effect.fnUntraced(
    function*(client: ClientConnection, { ref, session }: IntentOf<"RenewSession">, slot: ReplyTarget) {
      const { expiresAt, token } = yield* rotateSession(client.subscriber?.user as UserId, session)
      runtime.sendMessage(client, slot, {
        _tag: "renewed",
        session_token: Redacted.value(token),
        expires_at: expiresAt,
        ref_id: ref
      })
      runtime.completeRequest(client, null, undefined)
    },
    (effect, client, { ref }, slot) =>
      Effect.catch(effect, (error) => runtime.rejectRequest(client, slot, ref, null, rejectionOf(error)))
  )

  /** The token opens nothing any more, and every other connection it opened is cut (SEC7). */
  const revoke = (client: ClientConnection, session: string) => {
    const { subscriber } = client
    for (let id: string | undefined = session; id !== undefined; id = predecessors.get(id)) {
      runtime.runFork(Effect.ignore(sessions.revoke(id)))
    }
    if (subscriber === undefined) return
    for (const other of connectionsOfSession(subscriber.user, session)) {
      runtime.dispatch(other, closeRequested(closeCode.forcedOut, "the session was ended", false))
    }
  }

  /** The connection stands for nobody (any more). */
  const releaseUser = (client: ClientConnection) => {
    const { subscriber } = client
    client.pendingInit = undefined
    if (subscriber === undefined) return
    const { user } = subscriber
    client.subscriber = undefined
    client.userBudget = undefined
    // A reconnect must not refill the budgets.
    if (userBudgets.removeConnection(user, client)) {
      runtime.wheel.scheduleCallback(runtime.now() + 60_000, (at) => userBudgets.evict(user, at))
    }
    if (client.instanceKey !== undefined && connectionsByInstance.get(client.instanceKey) === client) {
      connectionsByInstance.delete(client.instanceKey)
    }
    client.instanceKey = undefined
  }

  return { issueChallenge, verify, resume, sendInit, renew, revoke, releaseUser }
}

const tooManyAttempts = (wait: number): ServerMessages.RequestRejection => ({
  code: "rate_limited",
  message: "too many people sign in from this address: try again in a moment",
  wait
})
