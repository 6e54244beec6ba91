/**
 * Whether an upgrade request may open a connection: everything that is decided before the upgrade (AUT6, SEC6, SEC24).
 */
import type { Limits } from "../protocol/Limits.ts"
import { subprotocol } from "../protocol/Protocol.ts"
import * as ClientAddress from "./ClientAddress.ts"
import { rateLimitKey } from "./IpAddress.ts"
import { isOriginAllowed, type OriginPolicy } from "./Origin.ts"

/** The settings of admission. */
export interface AdmissionPolicy extends OriginPolicy {
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-*` headers are trusted. */
  readonly trustedProxies: ReadonlyArray<string>
}

/** The facts about an upgrade request. */
export interface UpgradeFacts extends ClientAddress.RequestSource {
  readonly host: string | undefined
  readonly origin: string | undefined
  /** `Sec-WebSocket-Protocol`: names between commas. */
  readonly protocols: string | undefined
}

/** Open connections. */
export interface ConnectionCounts {
  readonly total: number
  /** Of one `rateLimitKey`. */
  readonly ofKey: (key: string) => number
}

/** The HTTP status line that rejects an upgrade. */
export type RejectionStatus =
  | "400 Bad Request"
  | "403 Forbidden"
  | "429 Too Many Requests"
  | "503 Service Unavailable"

/** The client's address and the key that its connection is counted by, or the status line of the rejection. */
export type AdmissionDecision = RejectionStatus | { readonly address: string; readonly key: string }

/** Decides an upgrade request. Checks that read the request alone come before those that count. */
export const decideAdmission = (
  policy: AdmissionPolicy,
  limits: Pick<Limits, "connections" | "connectionsPerAddress">,
  request: UpgradeFacts,
  isOpen: boolean,
  counts: ConnectionCounts
): AdmissionDecision => {
  const isSecure = ClientAddress.isSecure(request, policy.trustedProxies)
  // AUT6, SEC6
  if (!isOriginAllowed(policy, { ...request, isSecure })) return "403 Forbidden"
  if (!offersSubprotocol(request.protocols)) return "400 Bad Request"
  if (!isOpen) return "503 Service Unavailable"
  const address = ClientAddress.clientAddress(request, policy.trustedProxies)
  const key = rateLimitKey(address)
  // SEC24
  return counts.total < limits.connections && counts.ofKey(key) < limits.connectionsPerAddress
    ? { address, key }
    : "429 Too Many Requests"
}

/** Whether an `Upgrade` header asks for a WebSocket. Any other protocol is ignored (RFC 9110, 7.8). */
export const isWebSocketUpgrade = (upgrade: string | undefined): boolean => upgrade?.toLowerCase() === "websocket"

/** Whether the client accepts this server's subprotocol; one that names none does (SYN1). */
const offersSubprotocol = (protocols: string | undefined): boolean =>
  protocols === undefined || protocols.split(",").some((name) => name.trim() === subprotocol)
