/**
 * Why something was refused: the closed set of codes a client can meet, and
 * the sentence that goes with each refusal.
 *
 * A `Rejection` is a decision, not a fault: the state is untouched and nobody
 * else notices. Faults of the outside world are the services' typed errors.
 */
import { Schema } from "effect"

/** Every error code of the protocol. Codes are stable; sentences may change. */
export const ErrorCode = Schema.Literals([
  /** Not JSON, not an envelope, or a payload its schema refuses. */
  "malformed",
  /** A type nobody here understands. */
  "unknown_type",
  /** Over a limit of size, depth or count. */
  "too_large",
  /** Sign in first. */
  "unauthenticated",
  /** The signature, key, challenge or token did not hold. */
  "auth_failed",
  /** Not there, or not for you: the two are not told apart (AUT4). */
  "not_found",
  /** You may see it but not do this. */
  "forbidden",
  /** A rule of the topic's kind refuses the command in this state. */
  "rule_violated",
  /** The account does not hold enough. */
  "insufficient_funds",
  /** The id was used for a different command. */
  "id_conflict",
  /** Too many messages; `retry_after_ms` says when to try again. */
  "rate_limited",
  /** The server cannot store or reach what it needs right now. */
  "unavailable",
  /** A kind's word for a command that rests on a state the topic is not in; subscribe again. */
  "state_desync",
  /** A defect of ours. Nothing was changed. */
  "internal"
])
export type ErrorCode = typeof ErrorCode.Type

/** Only these heal by waiting; the rest need another command. */
export const isRetryable = (code: ErrorCode): boolean =>
  code === "rate_limited" || code === "unavailable" || code === "internal"

/** A refusal by a topic's rules. `rule` is the id of the rule in docs/SPEC.md. */
export interface Rejection {
  readonly code: ErrorCode
  readonly rule: string
  readonly message: string
}

export const Rejection: Schema.Codec<Rejection> = Schema.Struct({
  code: ErrorCode,
  rule: Schema.String,
  message: Schema.String
})

export const makeRejection = (code: ErrorCode, rule: string, message: string): Rejection => ({ code, rule, message })

/** Not there, or not to be seen: said in the same words by whoever turns somebody away (AUT4, SEC9). */
export const notFound = makeRejection("not_found", "AUT4", "there is no such topic, or it is not yours to see")
