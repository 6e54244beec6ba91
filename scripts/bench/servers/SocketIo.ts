/** The same server on Socket.IO, with its rooms and acknowledgements, over WebSocket only. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Server } from "socket.io"
import { announcePort, type BenchRequest, nextId, replyMessage, signalMessage } from "./Envelope.ts"

type Ack = (answer: unknown) => void

const server = createServer()
const io = new Server(server, { transports: ["websocket"], serveClient: false })

io.on("connection", (socket) => {
  const connection = nextId()
  let from: unknown
  socket.on("subscribe", (request: BenchRequest, ack: Ack) => {
    from = request.payload["public_key"]
    void socket.join(request.thread_id ?? "")
    ack(replyMessage(request))
  })
  socket.on("heartbeat", (request: BenchRequest, ack: Ack) => ack(replyMessage(request)))
  socket.on("signal", (request: BenchRequest) => {
    io.to(request.thread_id ?? "").emit("signal", signalMessage(request, from, connection))
  })
})

server.listen(0, "127.0.0.1", () => announcePort((server.address() as AddressInfo).port))
