/** What can go wrong between a client and its server, as a value and as the error that carries it. */
import { Schema } from "effect"
import { ErrorCode } from "../domain/protocol/Rejection.ts"

/** Faults that arise on this side of the wire. */
const ClientErrorCode = Schema.Literals([
  /** The server closed the connection for good, or cannot be trusted with this key. */
  "closed",
  /** More than `maxPending` commands wait for an answer. */
  "queue_full",
  /** The server speaks of something this client is too old to understand. */
  "outdated_client",
  /** The key could not sign. */
  "key_unusable"
])

/** Why something did not work: a closed code, a sentence for people, and whether waiting may heal it. */
export const ClientErrorReason = Schema.Struct({
  code: Schema.Union([ErrorCode, ClientErrorCode]),
  message: Schema.String,
  retryable: Schema.Boolean
})
export type ClientErrorReason = typeof ClientErrorReason.Type

export const errorReason = (
  code: ClientErrorReason["code"],
  message: string,
  retryable = false
): ClientErrorReason => ({ code, message, retryable })

/** The one error of the client library. */
export class ClientError extends Schema.TaggedError<ClientError>()("ClientError", { reason: ClientErrorReason }) {
  override get message() {
    return this.reason.message
  }

  get retryable(): boolean {
    return this.reason.retryable
  }
}
