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

/** Starts listening; succeeds at once if the server listens already. */
export const listen = (server: Server, { host, port }: ListenAddress): Effect.Effect<BoundAddress, SocketError> =>
  Effect.callback<void, SocketError>((resume) => {
    if (server.listening) return resume(Effect.void)
    const onListenError = (fault: NodeJS.ErrnoException) =>
      resume(Effect.fail(
        new SocketError({ reason: new ListenFailed({ host, port, code: fault.code ?? fault.message }) })
      ))
    server.once("error", onListenError)
    server.listen(port, host, () => {
      server.off("error", onListenError)
      resume(Effect.void)
    })
  }).pipe(
    Effect.andThen(boundAddress(server)),
    Effect.map((bound) => bound ?? { address: host, port })
  )

/** Stops listening; succeeds when the last connection has ended. */
export const stopListening = (server: Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (!server.listening) return resume(Effect.void)
    server.close(() => resume(Effect.void))
    server.closeIdleConnections()
  })
