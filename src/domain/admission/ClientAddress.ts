/** Which client a request comes from, and whether over TLS, directly or behind trusted proxies (OPS9). */
import { canonicalAddress, isInRange, reportedAddress } from "./IpAddress.ts"

/** The facts about a request that the decision needs. Header values are as received, undefined when absent. */
export interface RequestSource {
  /** The address of the TCP peer. */
  readonly remoteAddress: string | undefined
  /** Whether this process terminated TLS. */
  readonly isEncrypted: boolean
  /** `X-Forwarded-For`: addresses between commas, the nearest proxy's last. */
  readonly forwardedFor: string | undefined
  /** `X-Forwarded-Proto`. */
  readonly forwardedProto: string | undefined
}

/** Whether a proxy at this address may state where a request came from. */
export const isTrustedProxy = (address: string, trustedProxies: ReadonlyArray<string>): boolean =>
  trustedProxies.some((range) => isInRange(address, range))

/**
 * OPS9, SEC24: the client's address, in its one spelling. Walks `X-Forwarded-For` from its end for as long as the address
 * that reported the next hop is a trusted proxy, so that a client cannot choose its own address. A hop that names no
 * address ends the walk: what is unknown counts as the proxy that reported it, not as an address of its own.
 */
export const clientAddress = (
  { forwardedFor, remoteAddress }: RequestSource,
  trustedProxies: ReadonlyArray<string>
): string => {
  let address = canonicalAddress(remoteAddress ?? "")
  if (forwardedFor === undefined || trustedProxies.length === 0) return address
  const hops = forwardedFor.split(",").map((hop) => hop.trim()).filter((hop) => hop !== "")
  while (hops.length > 0 && isTrustedProxy(address, trustedProxies)) {
    const reported = reportedAddress(hops.pop()!)
    if (reported === undefined) return address
    address = reported
  }
  return address
}

/** OPS9: whether the client used TLS: with this process, or with a trusted proxy that states so. */
export const isSecure = (
  { forwardedProto, isEncrypted, remoteAddress }: RequestSource,
  trustedProxies: ReadonlyArray<string>
): boolean => isEncrypted || (forwardedProto === "https" && isTrustedProxy(remoteAddress ?? "", trustedProxies))
