/** The client library's error, and its reason as a value for state machines. */
import { Schema } from "effect"
import { ErrorCode } from "../domain/protocol/Rejection.ts"

/** Codes that the client itself adds to the server's. */
const ClientErrorCode = Schema.Literals([
  /** The connection was closed for good, by `stop` or by the server. */
  "closed",
  /** The queue of commands is full. */
  "queue_full",
  /** The server's protocol or kinds are newer than this client. */
  "outdated_client",
  /** The key could not sign. */
  "key_unusable",
  /** No WebSocket can be opened: the runtime has none, or refuses to open one to this address. */
  "socket_unusable",
  /** The connection was closed for good before the server confirmed a sign-out: the session may be open still. */
  "not_signed_out"
])

/** A code of a closed set, a sentence for the user, and whether a retry can succeed. */
export const ClientErrorReason = Schema.Struct({
  code: Schema.Union([ErrorCode, ClientErrorCode]),
  message: Schema.String,
  retryable: Schema.Boolean
})
export type ClientErrorReason = typeof ClientErrorReason.Type

/** Makes a reason; not retryable unless said otherwise. */
export const errorReason = (
  code: ClientErrorReason["code"],
  message: string,
  retryable = false
): ClientErrorReason => ({ code, message, retryable })

/** The only error type of the client library. */
export class ClientError extends Schema.TaggedError<ClientError>()("ClientError", { reason: ClientErrorReason }) {
  override get message() {
    return this.reason.message
  }

  get retryable(): boolean {
    return this.reason.retryable
  }
}
