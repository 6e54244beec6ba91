/** Who may open a WebSocket: decided from the upgrade request, before anything is spent on it (AUT6, SEC6, SEC24). */
import type { IncomingHttpHeaders } from "node:http"
import { isIP } from "node:net"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { subprotocol } from "../../domain/protocol/Protocol.ts"
import type { ConnectionMetadata } from "../../services/Socket.ts"

export interface AdmissionPolicy {
  readonly path: string
  /** Exact origins. Empty: the same origin as the one asked, by address or as `localhost`. */
  readonly origins: ReadonlyArray<string>
  /** Whether requests without an Origin header, which no browser sends, are welcome. */
  readonly nativeClients: boolean
  /** Addresses whose X-Forwarded-For is believed. */
  readonly trustedProxies: ReadonlyArray<string>
}

/** As much of a request as is asked. */
export interface UpgradeRequest {
  readonly headers: Pick<IncomingHttpHeaders, "host" | "origin" | "user-agent" | "sec-websocket-protocol"> & {
    readonly "x-forwarded-for"?: string | Array<string> | undefined
    readonly "x-forwarded-proto"?: string | Array<string> | undefined
  }
  /** Where the request comes from, as far as this machine knows. */
  readonly socket: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean | undefined }
}

/** A status line to refuse with, or undefined. */
export const rejectionStatus = (policy: Omit<AdmissionPolicy, "path">, request: UpgradeRequest): string | undefined => {
  const { headers } = request
  if (!isOriginAllowed(policy, request)) return "403 Forbidden"
  const offeredProtocols = headers["sec-websocket-protocol"]
  return offeredProtocols === undefined || offeredProtocols.split(",").some((name) => name.trim() === subprotocol)
    ? undefined
    : "400 Bad Request"
}

/** What is remembered of who was let in. */
export const connectionMetadata = ({ headers }: UpgradeRequest, address: string): ConnectionMetadata => ({
  address,
  origin: headers.origin ?? "",
  userAgent: headers["user-agent"] ?? ""
})

/** The way in: as many connections as there may be, in all and per address (SEC24). */
export interface AdmissionGate {
  readonly setOpen: (open: boolean) => void
  readonly isOpen: () => boolean
  /** A status line to refuse with; or the client's address, whose place is kept until `leave`. */
  readonly admit: (request: UpgradeRequest) => string | { readonly address: string; readonly release: () => void }
}

/** A door that is still closed. */
export const makeAdmissionGate = (
  policy: AdmissionPolicy,
  limits: Pick<Limits, "connections" | "connectionsPerAddress">
): AdmissionGate => {
  const connectionsByKey = new Map<string, number>()
  let total = 0
  let open = false
  const release = (key: string) => {
    total -= 1
    const remaining = (connectionsByKey.get(key) ?? 1) - 1
    if (remaining > 0) connectionsByKey.set(key, remaining)
    else connectionsByKey.delete(key)
  }
  return {
    setOpen: (value) => {
      open = value
    },
    isOpen: () => open,
    admit: (request) => {
      const rejection = rejectionStatus(policy, request)
      if (rejection !== undefined) return rejection
      if (!open) return "503 Service Unavailable"
      const address = clientAddress(request, policy.trustedProxies)
      const counted = rateLimitKey(address)
      const count = connectionsByKey.get(counted) ?? 0
      if (total >= limits.connections || count >= limits.connectionsPerAddress) return "429 Too Many Requests"
      total += 1
      connectionsByKey.set(counted, count + 1)
      let released = false
      return {
        address,
        release: () => {
          if (!released) release(counted)
          released = true
        }
      }
    }
  }
}

const isOriginAllowed = (policy: Omit<AdmissionPolicy, "path">, request: UpgradeRequest): boolean => {
  const { host, origin } = request.headers
  if (origin === undefined) return policy.nativeClients
  if (policy.origins.length > 0) return policy.origins.includes(origin)
  // A name that anybody could point at this machine proves nothing; an address or localhost does.
  const scheme = isSecure(request, policy.trustedProxies) ? "https" : "http"
  return host !== undefined && origin === `${scheme}://${host}` && isLiteralHost(host)
}

const isLiteralHost = (host: string): boolean => {
  const name = host.replace(/:\d+$/, "")
  return name === "localhost" || isIP(name.replace(/^\[|\]$/g, "")) !== 0
}

/** The client's address: the peer's, or what the nearest proxy that is trusted says. */
export const clientAddress = (request: UpgradeRequest, trustedProxies: ReadonlyArray<string>): string => {
  const hops = String(request.headers["x-forwarded-for"] ?? "").split(",").map((hop) => hop.trim()).filter(Boolean)
  let address = unmapIpv4(request.socket.remoteAddress ?? "")
  while (trustedProxies.includes(address) && hops.length > 0) address = unmapIpv4(hops.pop()!)
  return address
}

/** Whether the client came over TLS: to this process, or to a proxy that is trusted and says so. */
export const isSecure = ({ headers, socket }: UpgradeRequest, trustedProxies: ReadonlyArray<string>): boolean =>
  socket.encrypted === true ||
  (headers["x-forwarded-proto"] === "https" && trustedProxies.includes(unmapIpv4(socket.remoteAddress ?? "")))

const unmapIpv4 = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, "")

/** What connections are counted by: an IPv4 address, or the /64 that one IPv6 customer has. */
export const rateLimitKey = (address: string): string => {
  if (isIP(address) !== 6) return address
  const [head = "", tail] = address.split("::", 2)
  const groups = head === "" ? [] : head.split(":")
  const tailGroups = tail === undefined || tail === "" ? [] : tail.split(":")
  const allGroups = tail === undefined
    ? groups
    : [...groups, ...Array(8 - groups.length - tailGroups.length).fill("0"), ...tailGroups]
  return `${allGroups.slice(0, 4).join(":")}::/64`
}
