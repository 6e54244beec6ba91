/**
 * The uWebSockets.js engine (SOC3): its own listener, in native code. Plain
 * HTTP goes on to the process's HTTP server, within the process.
 *
 * It cannot hold back a peer that sends too fast, so `pause` is not declared.
 */
import { Effect, Layer, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { Limits } from "../../domain/Limits.ts"
import { subprotocol } from "../../domain/Protocol.ts"
import * as Uuids from "../../domain/Uuids.ts"
import type { Frame } from "../../services/Frame.ts"
import { EngineAbsent, ListenFailed, Socket, SocketError } from "../../services/Socket.ts"
import { HttpListener } from "../http/Server.ts"
import * as Admission from "./Admission.ts"
import * as Engine from "./Engine.ts"
import * as Outbox from "./Outbox.ts"
import { payloadOf } from "./TextFrame.ts"
import * as Api from "./UwsApi.ts"
import { relay } from "./UwsRelay.ts"
import type { Port, Wire } from "./Wire.ts"
import type * as Ws from "./Ws.ts"

export interface Options extends Ws.Options {
  /** Paths of a certificate and its key, for https and wss. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

/** Not written in the import itself, so that nobody looks for it where it is not. */
const name: string = "uWebSockets.js"

/** uWebSockets.js itself; it is on no registry. */
export const library: Effect.Effect<Api.Module, SocketError> = Effect.tryPromise({
  try: () => import(name).then((loaded: { readonly default: Api.Module }) => loaded.default),
  catch: () =>
    new SocketError({
      reason: new EngineAbsent({
        setting: "CHOIR_SOCKET=uws",
        install: "npm install uNetworking/uWebSockets.js#v20.57.0"
      })
    })
})

/** What belongs to one socket, from the upgrade on. */
interface Data {
  readonly asking: Admission.Asking
  readonly address: string
  readonly leave: () => void
  port: Port | undefined
  open: boolean
}

type Peer = Api.WebSocket<Data>

/** The text in the bytes of a frame that the server would write itself. */
const payload = (frame: Frame): Uint8Array => payloadOf(Outbox.wire(frame))

const wireOf = (ws: Peer, limits: Limits): Wire => {
  const data = ws.getUserData()
  const whileOpen = (use: () => void) => {
    if (data.open) use()
  }
  return {
    // One write for all of them.
    write: (frames) => whileOpen(() => ws.cork(() => frames.forEach((frame) => ws.send(payload(frame), false, false)))),
    unsent: () => data.open ? ws.getBufferedAmount() : 0,
    // Nobody would wait for the end of a goodbye that stands behind too much else.
    close: (code, reason) =>
      whileOpen(() => ws.getBufferedAmount() > limits.outboxFold ? ws.close() : ws.end(code, reason)),
    cut: () => whileOpen(() => ws.close()),
    ping: () => whileOpen(() => ws.ping())
  }
}

const askingOf = (response: Api.HttpResponse, request: Api.HttpRequest): Admission.Asking => {
  const header = (name: string) => request.getHeader(name) || undefined
  return {
    headers: {
      host: header("host"),
      origin: header("origin"),
      "user-agent": header("user-agent"),
      "sec-websocket-protocol": header("sec-websocket-protocol"),
      "x-forwarded-for": header("x-forwarded-for")
    },
    socket: { remoteAddress: Api.address(response.getRemoteAddress()) }
  }
}

const behavior = (
  engine: Engine.Engine,
  door: Admission.Door,
  limits: Limits,
  compression: number
): Api.Behavior<Data> => ({
  compression,
  // Beyond this it cuts without a word, so what is a little too large gets here and is told so.
  maxPayloadLength: limits.frameBytes * 4,
  // Never: what waits is bounded by the outbox, and a frame that was dropped would be a gap.
  maxBackpressure: 2 ** 31 - 1,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  upgrade: (response, request, context) => {
    const asking = askingOf(response, request)
    const entry = door.enter(asking)
    if (typeof entry === "string") return void response.writeStatus(entry).end(undefined, true)
    const data: Data = { asking, ...entry, port: undefined, open: true }
    const protocol = asking.headers["sec-websocket-protocol"] === undefined ? "" : subprotocol
    response.upgrade(
      data,
      request.getHeader("sec-websocket-key"),
      protocol,
      request.getHeader("sec-websocket-extensions"),
      context
    )
  },
  open: (ws) => {
    const data = ws.getUserData()
    data.port = engine.accept(wireOf(ws, limits), Admission.metadata(data.asking, data.address))
    // Whoever heard of it may have closed it at once.
    if (!data.open) data.port.closed(closeCode.normal)
  },
  message: (ws, message, isBinary) => {
    const { port } = ws.getUserData()
    if (isBinary) port?.end(closeCode.unsupportedData, "text frames only")
    else port?.heard(Buffer.from(message).toString())
  },
  dropped: (ws) => ws.close(),
  drain: (ws) => ws.getUserData().port?.drained(),
  ping: (ws) => ws.getUserData().port?.alive(),
  pong: (ws) => ws.getUserData().port?.pong(),
  close: (ws, code) => {
    const data = ws.getUserData()
    data.open = false
    data.leave()
    data.port?.closed(code)
  }
})

const listen = (api: Api.Module, app: Api.App, { host, port }: Options): Effect.Effect<unknown, SocketError> =>
  Effect.callback((resume) => {
    app.listen(host, port, api.LIBUS_LISTEN_EXCLUSIVE_PORT, (token) =>
      resume(
        token === false || token === null
          // It does not say why; this is nearly always why.
          ? Effect.fail(new SocketError({ reason: new ListenFailed({ host, port, code: "EADDRINUSE" }) }))
          : Effect.succeed(token)
      ))
  })

const make = Effect.fnUntraced(function*(
  options: Options,
  load: Effect.Effect<Api.Module, SocketError>
): Effect.fn.Return<Socket["Service"], SocketError, HttpListener | Scope.Scope> {
  const { admission, host, limits, tls } = options
  const api = yield* load
  const server = yield* HttpListener
  const door = Admission.door(admission, limits)
  const engine = yield* Engine.make({
    limits,
    capabilities: ["ping", "backpressure", "coalescing"],
    nextId: Uuids.counter(randomBytes(9)),
    soon: setImmediate
  })
  const app = yield* Effect.acquireRelease(
    Effect.sync(() => tls === undefined ? api.App() : api.SSLApp({ key_file_name: tls.key, cert_file_name: tls.cert })),
    (app) => Effect.sync(() => app.close())
  )
  app.ws(admission.path, behavior(engine, door, limits, api.DISABLED)).any("/*", relay(server))

  let token: unknown
  const bound = () => token === undefined ? undefined : { address: host, port: api.us_socket_local_port(token) }
  return engine.service({
    start: Effect.suspend(() => token === undefined ? listen(api, app, options) : Effect.succeed(token)).pipe(
      Effect.map((listening) => {
        token = listening
        door.setOpen(true)
        return { address: host, port: api.us_socket_local_port(listening) }
      })
    ),
    stop: Effect.sync(() => {
      door.setOpen(false)
      engine.closeAll(closeCode.restart, "the server stops")
      if (token !== undefined) api.us_listen_socket_close(token)
      token = undefined
    }),
    isRunning: Effect.sync(() => token !== undefined),
    getAddress: Effect.sync(() => bound()?.address),
    getPort: Effect.sync(() => bound()?.port)
  })
})

/** Listens by itself once started; requests go to the HTTP server, which need not listen. Fails when the library is not there. */
export const layer = (
  options: Options,
  load: Effect.Effect<Api.Module, SocketError> = library
): Layer.Layer<Socket, SocketError, HttpListener> => Layer.effect(Socket, make(options, load))
