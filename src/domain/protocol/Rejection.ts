/**
 * Why a command was not accepted: a code of a closed set, the id of a rule, and a sentence for the user (SEC22).
 *
 * A rejection is a decision: it changes no state and concerns its sender alone. Failures of storage, network and
 * models are typed errors of the services.
 */
import { Schema } from "effect"

/** Every error code of the protocol (SEC22). Codes are stable; sentences may change. */
export const ErrorCode = Schema.Literals([
  /** Not JSON, not an envelope, or a payload that does not match its schema. */
  "malformed",
  /** A message type that the server or the topic's kind does not have. */
  "unknown_type",
  /** Over a limit of size, depth or count. */
  "too_large",
  /** The connection has not authenticated. */
  "unauthenticated",
  /** The signature, key, challenge or token is not valid. */
  "auth_failed",
  /** The topic or object does not exist, or the user may not read it; the two are not distinguished (AUT4). */
  "not_found",
  /** The user may read the topic but not do this. */
  "forbidden",
  /** A rule of the topic's kind does not allow the command in this state. */
  "rule_violated",
  /** The account's balance is too low. */
  "insufficient_funds",
  /** The id was used for another command (SYN4). */
  "id_conflict",
  /** Too many messages; `retry_after_ms` states when to retry. */
  "rate_limited",
  /** A budget of this day is used up; `retry_after_ms` states when the next day begins. */
  "over_budget",
  /** Storage or another service cannot be reached now. */
  "unavailable",
  /** The command was based on another state than the topic's; subscribe again. */
  "state_desync",
  /** A defect of the server. Nothing was changed. */
  "internal"
])
export type ErrorCode = typeof ErrorCode.Type

/** Whether the same message may succeed later; after other codes it will not. */
export const isRetryable = (code: ErrorCode): boolean =>
  code === "rate_limited" || code === "over_budget" || code === "unavailable" || code === "internal"

/** A command that was not accepted. `rule` is the id of a rule in docs/SPEC.md, `message` a sentence for the user. */
export const Rejection = Schema.Struct({ code: ErrorCode, rule: Schema.String, message: Schema.String })
export type Rejection = typeof Rejection.Type
/** Whether a value is a rejection. */
export const isRejection = Schema.is(Rejection)

/** A rejection of these parts. */
export const makeRejection = (code: ErrorCode, rule: string, message: string): Rejection => ({ code, rule, message })

/** The one rejection for a topic that does not exist and for one that the user may not read (AUT4, SEC9). */
export const notFound = makeRejection("not_found", "AUT4", "this topic does not exist, or you may not read it")
