/**
 * Admission of WebSocket upgrades: reads the request, counts open connections,
 * and asks `domain/admission` before anything else is spent on the request.
 */
import type { IncomingHttpHeaders } from "node:http"
import * as Admission from "../../domain/admission/Admission.ts"
import * as ClientAddress from "../../domain/admission/ClientAddress.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { ConnectionMetadata } from "../../services/Socket.ts"
import * as AddressCounts from "./AddressCounts.ts"

/** The settings of admission, and the path of the WebSocket. */
export interface UpgradePolicy extends Admission.AdmissionPolicy {
  readonly path: string
}

/** As much of a request as is read. */
export interface UpgradeRequest {
  readonly headers: Pick<IncomingHttpHeaders, "host" | "origin" | "user-agent" | "sec-websocket-protocol"> & {
    readonly "x-forwarded-for"?: string | Array<string> | undefined
    readonly "x-forwarded-proto"?: string | Array<string> | undefined
  }
  readonly socket: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean | undefined }
}

const joinValues = (value: string | Array<string> | undefined): string | undefined =>
  Array.isArray(value) ? value.join(",") : value

const sourceOf = ({ headers, socket }: UpgradeRequest): ClientAddress.RequestSource => ({
  remoteAddress: socket.remoteAddress,
  isEncrypted: socket.encrypted === true,
  forwardedFor: joinValues(headers["x-forwarded-for"]),
  forwardedProto: joinValues(headers["x-forwarded-proto"])
})

/** The address of the client, behind trusted proxies the forwarded one. */
export const clientAddress = (request: UpgradeRequest, trustedProxies: ReadonlyArray<string>): string =>
  ClientAddress.clientAddress(sourceOf(request), trustedProxies)

/** Whether the client used TLS, with this process or with a trusted proxy. */
export const isSecure = (request: UpgradeRequest, trustedProxies: ReadonlyArray<string>): boolean =>
  ClientAddress.isSecure(sourceOf(request), trustedProxies)

/** The metadata of an admitted connection. */
export const connectionMetadata = ({ headers }: UpgradeRequest, address: string): ConnectionMetadata => ({
  address,
  origin: headers.origin ?? "",
  userAgent: headers["user-agent"] ?? ""
})

/** The place of one admitted connection; `release` it when the connection ends. Releasing twice has no effect. */
export interface Permit {
  readonly address: string
  readonly release: () => void
}

/** Admits upgrade requests while it is open. */
export interface AdmissionGate {
  readonly setOpen: (open: boolean) => void
  readonly isOpen: () => boolean
  /** A permit, or the status line to reject the upgrade with. */
  readonly admit: (request: UpgradeRequest) => Admission.RejectionStatus | Permit
}

/** A closed gate without connections. */
export const makeAdmissionGate = (
  policy: UpgradePolicy,
  limits: Pick<Limits, "connections" | "connectionsPerAddress">
): AdmissionGate => {
  const counts = AddressCounts.make()
  let open = false

  return {
    setOpen: (value) => {
      open = value
    },
    isOpen: () => open,
    admit: (request) => {
      const { headers } = request
      const facts = {
        ...sourceOf(request),
        host: headers.host,
        origin: headers.origin,
        protocols: headers["sec-websocket-protocol"]
      }
      const decision = Admission.decideAdmission(policy, limits, facts, open, {
        total: counts.total(),
        ofKey: counts.ofKey
      })
      if (typeof decision === "string") return decision
      return { address: decision.address, release: counts.add(decision.key) }
    }
  }
}
