/** Which client a request comes from, and whether over TLS, directly or behind trusted proxies (OPS9). */
import { canonicalAddress, unmapIpv4 } from "./IpAddress.ts"

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
const isTrusted = (address: string, trustedProxies: ReadonlyArray<string>): boolean => {
  const canonical = canonicalAddress(address)
  return trustedProxies.some((proxy) => canonicalAddress(proxy) === canonical)
}

/**
 * OPS9, SEC24: the client's address. Walks `X-Forwarded-For` from its end for as long as the address that reported the
 * next hop is a trusted proxy, so that a client cannot choose its own address.
 */
export const clientAddress = (
  { forwardedFor, remoteAddress }: RequestSource,
  trustedProxies: ReadonlyArray<string>
): string => {
  let address = unmapIpv4(remoteAddress ?? "")
  if (forwardedFor === undefined || trustedProxies.length === 0) return address
  const hops = forwardedFor.split(",").map((hop) => hop.trim()).filter((hop) => hop !== "")
  while (hops.length > 0 && isTrusted(address, trustedProxies)) address = unmapIpv4(hops.pop()!)
  return address
}

/** OPS9: whether the client used TLS: with this process, or with a trusted proxy that states so. */
export const isSecure = (
  { forwardedProto, isEncrypted, remoteAddress }: RequestSource,
  trustedProxies: ReadonlyArray<string>
): boolean => isEncrypted || (forwardedProto === "https" && isTrusted(remoteAddress ?? "", trustedProxies))
