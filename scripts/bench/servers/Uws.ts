/** The same server on uWebSockets.js with its native `publish`. The package is on no registry; it may be missing. */
import { announcePort, type BenchRequest, nextId, replyMessage, signalMessage } from "./Envelope.ts"

interface Socket {
  readonly getUserData: () => { connection: string; from: unknown }
  readonly subscribe: (topic: string) => boolean
  readonly send: (text: string) => number
}

interface App {
  readonly ws: (path: string, behavior: {
    readonly open: (socket: Socket) => void
    readonly message: (socket: Socket, message: ArrayBuffer) => void
  }) => App
  readonly listen: (host: string, port: number, done: (token: unknown) => void) => App
  readonly publish: (topic: string, text: string) => boolean
}

interface Uws {
  readonly App: () => App
  readonly us_socket_local_port: (token: unknown) => number
}

// Not a literal, because the compiler would require the package.
const name: string = "uWebSockets.js"
const { default: uws } = await import(name) as { readonly default: Uws }

const app = uws.App().ws("/*", {
  open: (socket) => {
    socket.getUserData().connection = nextId()
  },
  message: (socket, message) => {
    const request = JSON.parse(Buffer.from(message).toString()) as BenchRequest
    const data = socket.getUserData()
    const room = request.thread_id ?? ""
    if (request.type === "signal") app.publish(room, JSON.stringify(signalMessage(request, data.from, data.connection)))
    else {
      if (request.type === "subscribe") {
        data.from = request.payload["public_key"]
        socket.subscribe(room)
      }
      socket.send(JSON.stringify(replyMessage(request)))
    }
  }
})
app.listen("127.0.0.1", 0, (token) => announcePort(uws.us_socket_local_port(token)))
