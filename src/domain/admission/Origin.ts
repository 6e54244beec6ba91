/** The Origin check of an upgrade request: the defence against cross-site WebSocket hijacking (AUT6, SEC6). */
import { ipVersion } from "./IpAddress.ts"

/** The settings of the check. */
export interface OriginPolicy {
  /**
   * Allowed origins, compared exactly. Empty: the same origin as the request's, if its host is an address or
   * `localhost`.
   */
  readonly origins: ReadonlyArray<string>
  /** Whether requests without an Origin header are accepted; browsers always send one. */
  readonly nativeClients: boolean
}

/**
 * AUT6, SEC6: whether a request with this Origin may open a WebSocket. Without an allow-list the origin must equal the
 * requested host, and that must be an address or `localhost`: any DNS name can be pointed at this machine (DNS
 * rebinding), so that equality with a name proves nothing.
 */
export const isOriginAllowed = (
  { nativeClients, origins }: OriginPolicy,
  { host, isSecure, origin }: {
    readonly origin: string | undefined
    readonly host: string | undefined
    readonly isSecure: boolean
  }
): boolean => {
  if (origin === undefined) return nativeClients
  if (origins.length > 0) return origins.includes(origin)
  return host !== undefined && origin === `${isSecure ? "https" : "http"}://${host}` && isLiteralHost(host)
}

const isLiteralHost = (host: string): boolean => {
  const name = host.replace(/:\d+$/, "")
  return name === "localhost" || ipVersion(name.replace(/^\[|\]$/g, "")) !== 0
}
