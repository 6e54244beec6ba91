/** How much time and how many bytes an HTTP request may take (SEC23, SEC28). */
import type { Limits } from "../protocol/Limits.ts"

/** The bounds of a request in the terms of an HTTP server: milliseconds, bytes. */
export interface RequestLimits {
  /** From the connection to the end of the headers. */
  readonly headersTimeout: number
  /** From the connection to the end of the request. */
  readonly requestTimeout: number
  /** How often connections are checked against both. */
  readonly checkInterval: number
  /** The largest body. */
  readonly maxBodyBytes: number
}

/**
 * SEC23, SEC28: the bounds for these limits. The whole request never gets less time than its headers. Connections are
 * checked often, so that connections which time out together are closed in small groups.
 */
export const requestLimits = (
  { bodyBytes, headersTimeout, requestTimeout }: Pick<Limits, "bodyBytes" | "headersTimeout" | "requestTimeout">
): RequestLimits => ({
  headersTimeout,
  requestTimeout: Math.max(requestTimeout, headersTimeout),
  checkInterval: Math.min(20, headersTimeout),
  maxBodyBytes: bodyBytes
})
