/**
 * What an owner's attestation allows an agent (AUT8): whether it is valid, and which commands it covers. Pure: signatures
 * are verified by `Sessions`, and revocations are read from the owner's topic by the gateway.
 */
import type { Instant, TopicId, UserId } from "../protocol/Ids.ts"
import type { Attestation } from "../protocol/Principal.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import { statementSigningInput } from "../protocol/SignedCommand.ts"
import * as Identity from "./Identity.ts"

/** How far an owner's clock may be off, in milliseconds. */
export const clockTolerance = 60_000

/** The signing input of an attestation: all its fields but the signature. */
export const signingInput = (attestation: Omit<Attestation, "signature">): string =>
  // Canonical JSON leaves out fields that are undefined.
  statementSigningInput("attestation", { ...attestation, signature: undefined })

/** The facts that an attestation is judged by. */
export interface AttestationUse {
  /** The key that presents it, and has proved itself. */
  readonly agent: UserId
  /** The audience of this server's challenges. */
  readonly audience: string
  readonly now: Instant
  /** When the owner last revoked this agent; undefined if never. */
  readonly revokedAt: Instant | undefined
}

/** Why an attestation allows nothing. */
export type AttestationFault =
  | "another_agent"
  | "own_key"
  | "unsafe_key"
  | "another_server"
  | "not_yet_valid"
  | "expired"
  | "revoked"
  | "forged"

const sentences: Readonly<Record<AttestationFault, string>> = {
  another_agent: "the attestation is of another agent's key: present the one that names your key",
  own_key: "the owner of an agent is another key than the agent's own",
  unsafe_key: "the attestation is by a key that is not an accepted Ed25519 key",
  another_server: "the attestation is for another server: ask the owner for one with this server's audience",
  not_yet_valid: "the attestation was issued in the future: check the owner's clock",
  expired: "the attestation has expired: ask the owner for a new one",
  revoked: "the owner has revoked this agent: only an attestation that is issued after that is valid",
  forged: "the attestation does not carry its owner's signature"
}

/** The rejection of an attestation with a fault. */
export const rejectionOf = (fault: AttestationFault): Rejection =>
  makeRejection("auth_failed", "AUT8", sentences[fault])

/**
 * AUT8: the first fault of an attestation, apart from its signature. Owners' clocks may be off by `clockTolerance`, so that
 * a revocation also ends what was issued that much later.
 */
export const findFault = (
  { agent, audience, expires_at, issued_at, owner }: Omit<Attestation, "signature">,
  use: AttestationUse
): AttestationFault | undefined => {
  if (agent !== use.agent) return "another_agent"
  if (owner === agent) return "own_key"
  if (!Identity.isValidPublicKey(owner)) return "unsafe_key"
  if (audience !== use.audience) return "another_server"
  if (issued_at > use.now + clockTolerance) return "not_yet_valid"
  if (use.now >= expires_at) return "expired"
  return isRevoked(issued_at, use.revokedAt) ? "revoked" : undefined
}

/** Whether a revocation ends an attestation of this age. */
export const isRevoked = (issuedAt: Instant, revokedAt: Instant | undefined): boolean =>
  revokedAt !== undefined && issuedAt <= revokedAt + clockTolerance

/** AUT8: whether an attestation covers a command to a topic. */
export const permits = (
  { commands, topics }: Pick<Attestation, "commands" | "topics">,
  topic: TopicId,
  command: string
): boolean =>
  (topics.length === 0 || topics.some((pattern) => matches(pattern, topic))) &&
  (commands.length === 0 || commands.includes(command))

const matches = (pattern: string, topic: TopicId): boolean =>
  pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern

/** The rejection of a command that an attestation does not cover. */
export const notPermitted = (topic: TopicId, command: string): Rejection =>
  makeRejection("forbidden", "AUT8", `your owner's attestation does not cover ${command} in ${topic}`)
