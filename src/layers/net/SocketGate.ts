/**
 * Limits of TCP connections, from the moment they are open (SEC24). Those of trusted proxies are not counted: of them, the
 * requests are, by the client's address.
 */
import { Effect, type Scope } from "effect"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { Server as TlsServer } from "node:tls"
import * as ClientAddress from "../../domain/admission/ClientAddress.ts"
import { rateLimitKey } from "../../domain/admission/IpAddress.ts"
import * as SocketLimits from "../../domain/admission/SocketLimits.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import * as AddressCounts from "./AddressCounts.ts"
import { clientAddress } from "./AdmissionGate.ts"

/** The settings. */
export interface SocketGateOptions {
  readonly limits: Pick<Limits, "connections" | "connectionsPerAddress">
  /** Proxies whose `X-Forwarded-For` is trusted. */
  readonly trustedProxies: ReadonlyArray<string>
}

/** Answers the request of a trusted proxy with 429 and returns false, when its client has too many under way. */
export type RequestGate = (request: IncomingMessage, response: ServerResponse) => boolean

/** Limits the connections of a server until the scope closes, and warns when the system allows too few. */
export const limitSockets = Effect.fnUntraced(function*(
  server: Server,
  { limits, trustedProxies }: SocketGateOptions
): Effect.fn.Return<RequestGate, never, Scope.Scope> {
  const maxPerAddress = SocketLimits.maxSocketsPerAddress(limits)
  const sockets = AddressCounts.make()
  const requests = AddressCounts.make()
  const isTrusted = (remoteAddress: string | undefined) =>
    ClientAddress.isTrustedProxy(remoteAddress ?? "", trustedProxies)

  const onConnection = (socket: Socket) => {
    if (isTrusted(socket.remoteAddress)) return
    const key = rateLimitKey(clientAddress({ headers: {}, socket }, []))
    if (sockets.ofKey(key) < maxPerAddress) socket.once("close", sockets.add(key))
    else rejectSocket(socket, server instanceof TlsServer)
  }
  server.on("connection", onConnection)
  yield* Effect.addFinalizer(() => Effect.sync(() => server.off("connection", onConnection)))
  yield* limitDescriptors(server, limits)

  return (request, response) => {
    if (!isTrusted(request.socket.remoteAddress)) return true
    const key = rateLimitKey(clientAddress(request, trustedProxies))
    const isAdmitted = requests.ofKey(key) < maxPerAddress
    if (isAdmitted) response.once("close", requests.add(key))
    else response.writeHead(429).end()
    return isAdmitted
  }
})

/** Closes the connection, also of a peer that never does; without TLS it gets an answer. */
const rejectSocket = (socket: Socket, isEncrypted: boolean): void => {
  if (isEncrypted) return void socket.destroy()
  socket.write("HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
  socket.destroySoon()
}

/** Refuses connections before the kernel does, so that descriptors are left for everything else. */
const limitDescriptors = (server: Server, limits: Pick<Limits, "connections">): Effect.Effect<void> =>
  Effect.suspend(() => {
    const descriptors = readDescriptorLimit()
    if (descriptors === undefined) return Effect.void
    server.maxConnections = SocketLimits.maxSockets(descriptors)
    const warning = SocketLimits.socketWarning(descriptors, limits)
    return warning === undefined ? Effect.void : Effect.logWarning(warning)
  })

/** What Node's published types lack. */
interface DescriptorReport {
  excludeNetwork: boolean
  readonly getReport: () => { readonly userLimits?: { readonly open_files?: { readonly soft: number | "unlimited" } } }
}

/** The soft limit of open files; undefined where there is none. */
const readDescriptorLimit = (): number | undefined => {
  const report = process.report as unknown as DescriptorReport
  const { excludeNetwork } = report
  // Otherwise the report resolves the addresses of all peers.
  report.excludeNetwork = true
  const soft = report.getReport().userLimits?.open_files?.soft
  report.excludeNetwork = excludeNetwork
  return typeof soft === "number" ? soft : undefined
}
