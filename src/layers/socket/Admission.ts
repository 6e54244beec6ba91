/** Who may open a WebSocket: decided from the upgrade request, before anything is spent on it (AUT6, SEC6, SEC24). */
import type { IncomingHttpHeaders } from "node:http"
import { isIP } from "node:net"
import type { Limits } from "../../domain/Limits.ts"
import { subprotocol } from "../../domain/Protocol.ts"
import type { Metadata } from "../../services/Socket.ts"

export interface Policy {
  readonly path: string
  /** Exact origins. Empty: the same origin as the one asked, by address or as `localhost`. */
  readonly origins: ReadonlyArray<string>
  /** Whether requests without an Origin header, which no browser sends, are welcome. */
  readonly nativeClients: boolean
  /** Addresses whose X-Forwarded-For is believed. */
  readonly trustedProxies: ReadonlyArray<string>
}

/** As much of a request as is asked. */
export interface Asking {
  readonly headers: Pick<IncomingHttpHeaders, "host" | "origin" | "user-agent" | "sec-websocket-protocol"> & {
    readonly "x-forwarded-for"?: string | Array<string> | undefined
    readonly "x-forwarded-proto"?: string | Array<string> | undefined
  }
  /** Where the request comes from, as far as this machine knows. */
  readonly socket: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean | undefined }
}

/** A status line to refuse with, or undefined. */
export const refusal = (policy: Omit<Policy, "path">, asking: Asking): string | undefined => {
  const { headers } = asking
  if (!originAllowed(policy, asking)) return "403 Forbidden"
  const offered = headers["sec-websocket-protocol"]
  return offered === undefined || offered.split(",").some((name) => name.trim() === subprotocol)
    ? undefined
    : "400 Bad Request"
}

/** What is remembered of who was let in. */
export const metadata = ({ headers }: Asking, address: string): Metadata => ({
  address,
  origin: headers.origin ?? "",
  userAgent: headers["user-agent"] ?? ""
})

/** The way in: as many connections as there may be, in all and per address (SEC24). */
export interface Door {
  readonly setOpen: (open: boolean) => void
  readonly isOpen: () => boolean
  /** A status line to refuse with; or the client's address, whose place is kept until `leave`. */
  readonly enter: (asking: Asking) => string | { readonly address: string; readonly leave: () => void }
}

/** A door that is still closed. */
export const door = (
  policy: Policy,
  limits: Pick<Limits, "connections" | "connectionsPerAddress">
): Door => {
  const present = new Map<string, number>()
  let all = 0
  let open = false
  const leave = (counted: string) => {
    all -= 1
    const left = (present.get(counted) ?? 1) - 1
    if (left > 0) present.set(counted, left)
    else present.delete(counted)
  }
  return {
    setOpen: (now) => {
      open = now
    },
    isOpen: () => open,
    enter: (asking) => {
      const refused = refusal(policy, asking)
      if (refused !== undefined) return refused
      if (!open) return "503 Service Unavailable"
      const address = clientAddress(asking, policy.trustedProxies)
      const counted = countedAs(address)
      const here = present.get(counted) ?? 0
      if (all >= limits.connections || here >= limits.connectionsPerAddress) return "429 Too Many Requests"
      all += 1
      present.set(counted, here + 1)
      let gone = false
      return {
        address,
        leave: () => {
          if (!gone) leave(counted)
          gone = true
        }
      }
    }
  }
}

const originAllowed = (policy: Omit<Policy, "path">, asking: Asking): boolean => {
  const { host, origin } = asking.headers
  if (origin === undefined) return policy.nativeClients
  if (policy.origins.length > 0) return policy.origins.includes(origin)
  // A name that anybody could point at this machine proves nothing; an address or localhost does.
  const scheme = isSecure(asking, policy.trustedProxies) ? "https" : "http"
  return host !== undefined && origin === `${scheme}://${host}` && isLiteral(host)
}

const isLiteral = (host: string): boolean => {
  const name = host.replace(/:\d+$/, "")
  return name === "localhost" || isIP(name.replace(/^\[|\]$/g, "")) !== 0
}

/** The client's address: the peer's, or what the nearest proxy that is trusted says. */
export const clientAddress = (request: Asking, trustedProxies: ReadonlyArray<string>): string => {
  const hops = String(request.headers["x-forwarded-for"] ?? "").split(",").map((hop) => hop.trim()).filter(Boolean)
  let address = plain(request.socket.remoteAddress ?? "")
  while (trustedProxies.includes(address) && hops.length > 0) address = plain(hops.pop()!)
  return address
}

/** Whether the client came over TLS: to this process, or to a proxy that is trusted and says so. */
export const isSecure = ({ headers, socket }: Asking, trustedProxies: ReadonlyArray<string>): boolean =>
  socket.encrypted === true ||
  (headers["x-forwarded-proto"] === "https" && trustedProxies.includes(plain(socket.remoteAddress ?? "")))

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
