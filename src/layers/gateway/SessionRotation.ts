/** Handlers of the intents that renew, hold and end sessions, and of revocations (AUT2, CON5, SEC7). */
import { Effect, Redacted } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { ServerMessage } from "../../domain/protocol/Protocol.ts"
import type { Revocation, Session, SessionError } from "../../services/Sessions.ts"
import { type ClientConnection, stateOf } from "./ClientConnection.ts"
import {
  answerRequest,
  closeRequested,
  type ConnectionIntentHandler,
  type ConnectionRuntime,
  dispatch,
  type IntentOf,
  now,
  sendMessage,
  startRequest
} from "./ConnectionRuntime.ts"
import * as ServerMessages from "./ServerMessages.ts"

/** Tells all connections of a session that it lives longer. */
export const updateExpiry = (runtime: ConnectionRuntime, { expiresAt, id, user }: Session): void => {
  for (const client of runtime.registry.connectionsOfSession(user, id)) {
    dispatch(runtime, client, { _tag: "SessionRenewed", expires_at: expiresAt })
  }
}

/** Answers `renew` with a new token. */
export const renewSession: ConnectionIntentHandler<"RenewSession"> = (runtime, client, intent, slot) =>
  answerRequest(
    runtime,
    client,
    slot,
    intent,
    Effect.mapError(renew(runtime, client, intent), ServerMessages.sessionRejection)
  )

const renew = Effect.fnUntraced(function*(
  runtime: ConnectionRuntime,
  client: ClientConnection,
  { ref, session, token }: IntentOf<"RenewSession">
): Effect.fn.Return<ServerMessage, SessionError | ServerMessages.RequestRejection> {
  const { subscriber } = client
  const renewed = yield* runtime.sessions.renew(session, Redacted.make(token), stateOf(client).client_id)
  // Signed out, or closed, while the store was renewing.
  if (subscriber === undefined || client.subscriber !== subscriber) return yield* Effect.fail(sessionEnded)
  updateExpiry(runtime, renewed)
  return {
    _tag: "renewed",
    session_token: Redacted.value(renewed.token),
    expires_at: renewed.expiresAt,
    ref_id: ref
  }
})

const sessionEnded: ServerMessages.RequestRejection = {
  code: "auth_failed",
  message: "the session ended before it was renewed: sign in again"
}

/** Revokes the session, and answers when that is durable (SEC7). */
export const revokeSession: ConnectionIntentHandler<"RevokeSession"> = (runtime, client, { ref, session }, slot) =>
  startRequest(
    runtime,
    client,
    slot,
    ref,
    Effect.match(runtime.sessions.revoke(session), {
      onFailure: (error) =>
        sendMessage(runtime, client, slot, ServerMessages.error(ref, ServerMessages.sessionRejection(error))),
      onSuccess: () => sendMessage(runtime, client, slot, { _tag: "signed_out", ref_id: ref })
    })
  )

/** Closes all connections that are signed in under a revoked session, and refuses those that are about to be (SEC7). */
export const handleRevocation = (runtime: ConnectionRuntime, revocation: Revocation): void => {
  const { limits, registry } = runtime
  registry.recordRevocation(revocation, now(runtime) + limits.authTimeout)
  for (const client of registry.connectionsOfSession(revocation.user, revocation.id)) {
    dispatch(runtime, client, revokedCloses[revocation.reason])
  }
}

/**
 * How the connections of a revoked session are closed. After a token was shown that had been replaced, the client may sign in
 * again: only a signature tells the user from the thief.
 */
export const revokedCloses = {
  SignedOut: closeRequested(closeCode.forcedOut, "the session was revoked: sign in again", false),
  TokenReused: closeRequested(
    closeCode.sessionReused,
    "the session was revoked, because a token of it was shown after it had been replaced: sign in again",
    false
  )
} satisfies Record<Revocation["reason"], unknown>

/** Holds a session for resumption (CON5). If the store fails, the client has to sign in again. */
export const extendSession: ConnectionIntentHandler<"ExtendSession"> = (runtime, _client, { session, until }) =>
  void runtime.runFork(Effect.ignore(runtime.sessions.extend(session, until)))
