/** Starting and stopping the process's HTTP listener on behalf of a socket engine. */
import { Effect } from "effect"
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import { ListenFailed, SocketError } from "../../services/Socket.ts"

/** The address to listen on. */
export interface ListenAddress {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
}

/** The address that is listened on. */
export interface BoundAddress {
  readonly address: string
  readonly port: number
}

/** The address that is listened on; undefined while the server does not listen. */
export const boundAddress = (server: Server): Effect.Effect<BoundAddress | undefined> =>
  Effect.sync(() => server.listening ? server.address() as AddressInfo : undefined)

/** Starts and stops a server's listening. */
export interface HttpBinding {
  /** Succeeds at once if the server listens already. */
  readonly start: Effect.Effect<BoundAddress, SocketError>
  /**
   * Stops what `start` began; succeeds when the last connection has ended. A server that somebody else had made listen
   * is left as it is.
   */
  readonly stop: Effect.Effect<void>
}

/** The binding of a server to an address; `whileShared` runs in place of stopping a server of somebody else. */
export const make = (server: Server, address: ListenAddress, whileShared: Effect.Effect<void>): HttpBinding => {
  let isOwn = false
  return {
    start: Effect.suspend(() => {
      if (server.listening) return boundAddress(server)
      isOwn = true
      return Effect.andThen(listen(server, address), boundAddress(server))
    }).pipe(Effect.map((bound) => bound ?? { address: address.host, port: address.port })),
    stop: Effect.suspend(() => isOwn ? stopListening(server) : whileShared)
  }
}

const listen = (server: Server, { host, port }: ListenAddress): Effect.Effect<void, SocketError> =>
  Effect.callback((resume) => {
    const onListenError = (fault: NodeJS.ErrnoException) =>
      resume(Effect.fail(
        new SocketError({ reason: new ListenFailed({ host, port, code: fault.code ?? fault.message }) })
      ))
    server.once("error", onListenError)
    server.listen(port, host, () => {
      server.off("error", onListenError)
      resume(Effect.void)
    })
  })

const stopListening = (server: Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (!server.listening) return resume(Effect.void)
    server.close(() => resume(Effect.void))
    server.closeIdleConnections()
  })
