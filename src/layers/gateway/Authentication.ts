/** Handlers of the intents that authenticate a connection (AUT1, AUT2, AUT7). Sessions verify, the machine decides. */
import { Effect, Redacted } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { CommandId } from "../../domain/protocol/Ids.ts"
import type { Attestation } from "../../domain/protocol/Principal.ts"
import * as AttestationRules from "../../domain/session/Attestation.ts"
import * as SignInAdmission from "../../domain/session/SignInAdmission.ts"
import type { IssuedSession, SessionError } from "../../services/Sessions.ts"
import type { Topics } from "../../services/Topics.ts"
import { ConnectionSubscriber } from "../delivery/ConnectionSubscriber.ts"
import { verifyAttestation, watchRevocation } from "./AgentAccess.ts"
import { type ClientConnection, stateOf } from "./ClientConnection.ts"
import {
  closeRequested,
  type ConnectionIntentHandler,
  type ConnectionRuntime,
  dispatch,
  type IntentOf,
  now,
  type ReplyTarget,
  sendMessage,
  startRequest
} from "./ConnectionRuntime.ts"
import * as LedgerAccount from "./LedgerAccount.ts"
import * as ServerMessages from "./ServerMessages.ts"
import { revokedCloses, updateExpiry } from "./SessionRotation.ts"

/** Makes a challenge and gives it to the machine (AUT1). */
export const issueChallenge: ConnectionIntentHandler<"IssueChallenge"> = (
  runtime,
  client,
  { public_key, ref },
  slot
) => {
  const { id, metadata } = client.connection
  const at = now(runtime)
  const challenge = {
    nonce: runtime.sessions.nonce(),
    audience: runtime.audience(),
    origin: metadata.origin,
    connection_id: id,
    issued_at: at,
    expires_at: at + runtime.limits.challengeTtl
  }
  dispatch(runtime, client, { _tag: "ChallengeIssued", ref, public_key, challenge }, slot)
}

/** The part that both ways to sign in share. */
interface SignInIntent {
  readonly ref: CommandId
  readonly attestation?: Attestation
}

/** Signs in by the session that `authenticate` returns, unless the address has used up its verifications (SEC26). */
const signInWith = <T extends "VerifySignature" | "ResumeSession">(
  authenticate: (
    runtime: ConnectionRuntime,
    intent: IntentOf<T>,
    client: ClientConnection
  ) => Effect.Effect<IssuedSession, SessionError | ServerMessages.RequestRejection, Topics>
): ConnectionIntentHandler<T> =>
(runtime, client, intent, slot) => {
  const { attestation, ref }: SignInIntent = intent
  const wait = runtime.limitVerifications(client.connection.metadata.address, now(runtime))
  const session = wait === 0 ? authenticate(runtime, intent, client) : Effect.fail(tooManySignIns(wait))
  const signIn = Effect.flatMap(session, (issued) => completeSignIn(runtime, client, ref, issued, attestation, slot))
  const reject = (error: Effect.Error<typeof signIn>) => {
    const { code, message, rule, wait } = ServerMessages.sessionRejection(error)
    const more = {
      ...(rule === undefined ? undefined : { rule }),
      ...(wait === undefined ? undefined : { retry_after_ms: wait })
    }
    dispatch(runtime, client, { _tag: "AuthRejected", at: now(runtime), ref, code, message, ...more }, slot)
  }
  startRequest(runtime, client, slot, ref, Effect.catch(signIn, (error) => Effect.sync(() => reject(error))))
}

/** Verifies the signature of a challenge, and an agent's attestation (AUT8), and opens a session. */
export const verifySignature = signInWith<"VerifySignature">(
  Effect.fnUntraced(function*(runtime, { attestation, challenge, public_key, signature }) {
    const { sessions } = runtime
    if (!(yield* sessions.verifyChallenge(challenge, public_key, signature))) {
      return yield* Effect.fail(invalidSignature)
    }
    if (attestation !== undefined) yield* verifyAttestation(runtime, attestation, public_key)
    return yield* sessions.open(public_key)
  })
)

/**
 * Resumes a session by its token, which is renewed if it expires soon. An agent presents its attestation again: the token is
 * of its key alone (AUT8).
 */
export const resumeSession = signInWith<"ResumeSession">(
  Effect.fnUntraced(function*(runtime, { attestation, token }, client) {
    const { client_id } = stateOf(client)
    if (attestation !== undefined) yield* verifyAttestation(runtime, attestation, attestation.agent)
    const session = yield* runtime.sessions.resume(Redacted.make(token), client_id)
    updateExpiry(runtime, session)
    return attestation === undefined || attestation.agent === session.user
      ? session
      : yield* Effect.fail(AttestationRules.rejectionOf("another_agent"))
  })
)

const invalidSignature: ServerMessages.RequestRejection = {
  code: "auth_failed",
  message: "the signature is not valid for this challenge"
}

const tooManySignIns = (wait: number): ServerMessages.RequestRejection => ({
  code: "rate_limited",
  message: "too many sign-ins from this address: try again later",
  wait
})

/** Prepares `init` before the machine is authenticated, so that `SendInit` never has to wait. */
const completeSignIn = Effect.fnUntraced(function*(
  runtime: ConnectionRuntime,
  client: ClientConnection,
  ref: CommandId,
  { expiresAt, id, token, user }: IssuedSession,
  attestation: Attestation | undefined,
  slot: ReplyTarget
) {
  const { chorus, directory, limits } = runtime
  // Only who signs in themselves is granted tokens (LED3); an agent has no account of its own.
  const balance = yield* attestation === undefined
    ? LedgerAccount.ensureAccount(runtime, user, client.connection.metadata.address)
    : LedgerAccount.readBalance(attestation.owner)
  const threads = yield* directory.list(user, {
    kind: "thread",
    host: "",
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
    audience: runtime.audience(),
    ping_interval: limits.pingInterval,
    pong_timeout: limits.pongTimeout,
    chorus
  }
  const attested = attestation === undefined ? undefined : { attestation }
  dispatch(
    runtime,
    client,
    { _tag: "SignedIn", at: now(runtime), ref, user, ...attested, session: id, expires_at: expiresAt },
    slot
  )
})

/** Registers the connection as its user's and sends `init`, or closes the connection that may not stay (AUT7, SEC24). */
export const sendInit: ConnectionIntentHandler<"SendInit"> = (runtime, client, { user }, slot) => {
  const { registry } = runtime
  const { attestation, client_id: clientId, status } = stateOf(client)
  const subscriber = new ConnectionSubscriber(client, user, attestation)
  const revoked = status._tag === "Authenticated" ? registry.revocationOf(status.session) : undefined
  if (revoked !== undefined) return dispatch(runtime, client, revokedCloses[revoked])
  const instanceKey = clientId === null ? undefined : SignInAdmission.instanceKeyOf(user, clientId)
  const existing = instanceKey === undefined ? undefined : registry.byInstance.get(instanceKey)
  const admission = SignInAdmission.admitSignIn({
    epoch: client.epoch,
    existingEpoch: existing?.epoch,
    connectionCount: registry.userBudgets.connectionsOf(subscriber.payer).size
  }, runtime.limits)
  if (admission === "Superseded") return dispatch(runtime, client, replacedClose)
  if (existing !== undefined) dispatch(runtime, existing, replacedClose)
  if (admission === "OverQuota") return dispatch(runtime, client, quotaClose)
  if (instanceKey !== undefined) registry.byInstance.set(instanceKey, client)
  client.instanceKey = instanceKey
  registry.add(client, subscriber)
  client.subscriber = subscriber
  watchRevocation(runtime, client, subscriber)
  if (client.pendingInit !== undefined) sendMessage(runtime, client, slot, client.pendingInit)
  client.pendingInit = undefined
}

const replacedClose = closeRequested(closeCode.replaced, "replaced by a newer connection of this client", false)

const quotaClose = closeRequested(
  closeCode.connectionLimit,
  "too many connections of this user: close one first",
  false
)
