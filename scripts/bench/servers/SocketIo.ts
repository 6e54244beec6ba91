/** The same on Socket.IO, with its rooms and acknowledgements, over WebSocket only. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Server } from "socket.io"
import { announce, nextId, reply, type Request, signal } from "./Envelope.ts"

type Ack = (answer: unknown) => void

const server = createServer()
const io = new Server(server, { transports: ["websocket"], serveClient: false })

io.on("connection", (socket) => {
  const connection = nextId()
  let from: unknown
  socket.on("subscribe", (request: Request, ack: Ack) => {
    from = request.payload["public_key"]
    void socket.join(request.thread_id ?? "")
    ack(reply(request))
  })
  socket.on("heartbeat", (request: Request, ack: Ack) => ack(reply(request)))
  socket.on("signal", (request: Request) => {
    io.to(request.thread_id ?? "").emit("signal", signal(request, from, connection))
  })
})

server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port))
