/** Who may open a WebSocket: decided from the upgrade request, before anything is spent on it (AUT6, SEC6, SEC24). */
import type { IncomingMessage } from "node:http"
import { isIP } from "node:net"
import { subprotocol } from "../../domain/Protocol.ts"

export interface Policy {
  readonly path: string
  /** Exact origins. Empty: the same origin as the one asked, by address or as `localhost`. */
  readonly origins: ReadonlyArray<string>
  /** Whether requests without an Origin header, which no browser sends, are welcome. */
  readonly nativeClients: boolean
  /** Addresses whose X-Forwarded-For is believed. */
  readonly trustedProxies: ReadonlyArray<string>
}

/** A status line to refuse with, or undefined. */
export const refusal = (policy: Policy, request: IncomingMessage): string | undefined => {
  if (request.url?.split("?", 1)[0] !== policy.path) return "404 Not Found"
  if (!originAllowed(policy, request.headers.origin, request.headers.host)) return "403 Forbidden"
  const offered = request.headers["sec-websocket-protocol"]
  return offered === undefined || offered.split(",").some((name) => name.trim() === subprotocol)
    ? undefined
    : "400 Bad Request"
}

const originAllowed = (policy: Policy, origin: string | undefined, host: string | undefined): boolean => {
  if (origin === undefined) return policy.nativeClients
  if (policy.origins.length > 0) return policy.origins.includes(origin)
  // A name that anybody could point at this machine proves nothing; an address or localhost does.
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`) && isLiteral(host)
}

const isLiteral = (host: string): boolean => {
  const name = host.replace(/:\d+$/, "")
  return name === "localhost" || isIP(name.replace(/^\[|\]$/g, "")) !== 0
}

/** The client's address: the peer's, or what the nearest proxy that is trusted says. */
export const clientAddress = (request: IncomingMessage, trustedProxies: ReadonlyArray<string>): string => {
  const hops = String(request.headers["x-forwarded-for"] ?? "").split(",").map((hop) => hop.trim()).filter(Boolean)
  let address = plain(request.socket.remoteAddress ?? "")
  while (trustedProxies.includes(address) && hops.length > 0) address = plain(hops.pop()!)
  return address
}

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, "")

/** What connections are counted by: an IPv4 address, or the /64 that one IPv6 customer has. */
export const countedAs = (address: string): string => {
  if (isIP(address) !== 6) return address
  const [head = "", tail] = address.split("::", 2)
  const groups = head === "" ? [] : head.split(":")
  const after = tail === undefined || tail === "" ? [] : tail.split(":")
  const all = tail === undefined ? groups : [...groups, ...Array(8 - groups.length - after.length).fill("0"), ...after]
  return `${all.slice(0, 4).join(":")}::/64`
}
