/**
 * Agents at the gateway (AUT8): an attestation is verified when a connection signs in with it, and again for each command;
 * a revocation closes the agent's connections. `domain/session/Attestation` has the rules.
 */
import { Effect, Result } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { Instant, TopicId, UserId } from "../../domain/protocol/Ids.ts"
import type { Attestation } from "../../domain/protocol/Principal.ts"
import * as AttestationRules from "../../domain/session/Attestation.ts"
import * as Identity from "../../domain/session/Identity.ts"
import { revokedAt, userKind, userTopic } from "../../domain/user/User.ts"
import type { SignedInSubscriber } from "../delivery/ConnectionSubscriber.ts"
import type { ClientConnection } from "./ClientConnection.ts"
import { closeRequested, type ConnectionRuntime, dispatch, now } from "./ConnectionRuntime.ts"
import type * as ServerMessages from "./ServerMessages.ts"

/** When the owner last revoked the agent; undefined if never. */
const readRevocation = (
  { topics }: ConnectionRuntime,
  { agent, owner }: Attestation
): Effect.Effect<Instant | undefined, ServerMessages.RequestRejection> =>
  topics.stateOf(userKind, userTopic(owner), "system:server").pipe(
    Effect.map((user) => revokedAt(user, agent)),
    Effect.mapError(({ rejection }) => rejection.code === "not_found" ? agentsUnsupported : rejection)
  )

const agentsUnsupported: ServerMessages.RequestRejection = {
  code: "auth_failed",
  rule: "AUT8",
  message:
    "this server has no topics of the kind user, so that agents could not be revoked: sign in without attestation"
}

/** Fails with the fault of an attestation that `agent` presents. The signature comes first: nothing is read for a forged one. */
export const verifyAttestation = Effect.fnUntraced(function*(
  runtime: ConnectionRuntime,
  attestation: Attestation,
  agent: UserId
): Effect.fn.Return<void, ServerMessages.RequestRejection> {
  const use = { agent, audience: runtime.audience(), now: now(runtime) }
  const fault = AttestationRules.findFault(attestation, { ...use, revokedAt: undefined })
  if (fault !== undefined) return yield* Effect.fail(AttestationRules.rejectionOf(fault))
  const { owner, signature } = attestation
  const isSigned = Identity.isSignature(signature) &&
    (yield* runtime.sessions.verifyText(AttestationRules.signingInput(attestation), owner, signature))
  if (!isSigned) return yield* Effect.fail(AttestationRules.rejectionOf("forged"))
  yield* refuseRevoked(runtime, attestation)
})

const refuseRevoked = (
  runtime: ConnectionRuntime,
  attestation: Attestation
): Effect.Effect<void, ServerMessages.RequestRejection> =>
  Effect.flatMap(
    readRevocation(runtime, attestation),
    (revoked) =>
      AttestationRules.isRevoked(attestation.issued_at, revoked)
        ? Effect.fail(AttestationRules.rejectionOf("revoked"))
        : Effect.void
  )

/** Fails if an agent's command is outside its attestation, or that has ended since the agent signed in. */
export const authoriseCommand = (
  runtime: ConnectionRuntime,
  attestation: Attestation,
  topic: TopicId,
  command: unknown
): Effect.Effect<void, ServerMessages.RequestRejection> => {
  // Every command is tagged, by the kind's contract.
  const { _tag } = command as { readonly _tag: string }
  if (now(runtime) >= attestation.expires_at) return Effect.fail(AttestationRules.rejectionOf("expired"))
  return AttestationRules.permits(attestation, topic, _tag)
    ? refuseRevoked(runtime, attestation)
    : Effect.fail(AttestationRules.notPermitted(topic, _tag))
}

const watchId = ({ connection }: ClientConnection): string => `agent:${connection.id}`

/** Closes the connection of an agent once its owner revokes it: with each event of the owner's topic, it is checked. */
export const watchRevocation = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  subscriber: SignedInSubscriber
): void => {
  const { attestation } = subscriber
  if (attestation === null) return
  const closeIf = (close: typeof revokedClose): void => {
    if (client.subscriber === subscriber) dispatch(runtime, client, close)
  }
  const check = () =>
    void runtime.runFork(Effect.match(refuseRevoked(runtime, attestation), {
      onFailure: ({ code }) => closeIf(code === "auth_failed" ? revokedClose : unwatchedClose),
      onSuccess: () => {}
    }))
  const watch = {
    id: watchId(client),
    user: "system:server" as const,
    deliver: ({ lane }: { readonly lane: { readonly _tag: string } }) => lane._tag === "Durable" ? check() : undefined
  }
  runtime.topics.subscribe(userTopic(attestation.owner), watch, undefined, (outcome) => {
    if (Result.isFailure(outcome)) closeIf(unwatchedClose)
    else check()
  })
}

/** Ends `watchRevocation`. */
export const endWatch = (
  topics: ConnectionRuntime["topics"],
  client: ClientConnection,
  { owner }: Attestation
): void => topics.unsubscribe(userTopic(owner), watchId(client))

const revokedClose = closeRequested(closeCode.forcedOut, AttestationRules.rejectionOf("revoked").message, false)

const unwatchedClose = closeRequested(
  closeCode.overload,
  "the owner's revocations cannot be read now: connect again later",
  true
)
