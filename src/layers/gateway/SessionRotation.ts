/** Handlers of the intents that renew, hold and end sessions (AUT2, CON5, SEC7). */
import { Effect, Redacted } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { ServerMessage } from "../../domain/protocol/Protocol.ts"
import * as SessionFamily from "../../domain/session/SessionFamily.ts"
import type { IssuedSession, SessionError } from "../../services/Sessions.ts"
import type { ClientConnection } from "./ClientConnection.ts"
import {
  answerRequest,
  closeRequested,
  type ConnectionIntentHandler,
  type ConnectionRuntime,
  dispatch,
  type IntentOf,
  now
} from "./ConnectionRuntime.ts"
import * as ServerMessages from "./ServerMessages.ts"

/** Rotates a session's token. All connections of the session continue under the new one, and end with it (SEC7). */
export const rotateSession = Effect.fnUntraced(function*(
  runtime: ConnectionRuntime,
  session: string
): Effect.fn.Return<IssuedSession, SessionError> {
  const { limits, registry } = runtime
  const next = yield* runtime.sessions.renew(session)
  registry.recordRotation(session, next.id, now(runtime) + limits.sessionGrace)
  for (const client of registry.connectionsOfSession(next.user, session)) {
    dispatch(runtime, client, { _tag: "SessionRenewed", session: next.id, expires_at: next.expiresAt })
  }
  return next
})

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
  { ref, session }: IntentOf<"RenewSession">
): Effect.fn.Return<ServerMessage, SessionError | ServerMessages.RequestRejection> {
  const { subscriber } = client
  const { expiresAt, id, token } = yield* rotateSession(runtime, session)
  if (subscriber === undefined || client.subscriber !== subscriber) {
    // Signed out, or closed, while the store was rotating: the successor must not outlive the session (SEC7).
    yield* runtime.sessions.revoke(id)
    return yield* Effect.fail(sessionEnded)
  }
  return { _tag: "renewed", session_token: Redacted.value(token), expires_at: expiresAt, ref_id: ref }
})

const sessionEnded: ServerMessages.RequestRejection = {
  code: "auth_failed",
  message: "the session ended before it was renewed: sign in again"
}

/** Revokes the session's tokens, and closes every other connection that is authenticated under it (SEC7). */
export const revokeSession: ConnectionIntentHandler<"RevokeSession"> = (runtime, client, { session }) => {
  const { registry, sessions } = runtime
  const { subscriber } = client
  for (const id of SessionFamily.revokedWith(registry.families, session)) {
    runtime.runFork(Effect.ignore(sessions.revoke(id)))
  }
  if (subscriber === undefined) return
  for (const other of registry.connectionsOfSession(subscriber.user, session)) dispatch(runtime, other, revokedClose)
}

const revokedClose = closeRequested(closeCode.forcedOut, "the session was revoked: sign in again", false)

/** Holds a session for resumption (CON5). If the store fails, the client has to sign in again. */
export const extendSession: ConnectionIntentHandler<"ExtendSession"> = (runtime, _client, { session, until }) =>
  void runtime.runFork(Effect.ignore(runtime.sessions.extend(session, until)))
