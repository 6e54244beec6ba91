/** A typical realtime server on `ws`: rooms in a map, one `JSON.stringify` per message and one `send` per member. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { type RawData, type WebSocket, WebSocketServer } from "ws"
import { announcePort, type BenchRequest, nextId, replyMessage, signalMessage } from "./Envelope.ts"

const rooms = new Map<string, Set<WebSocket>>()
const server = createServer()
const wss = new WebSocketServer({ server, perMessageDeflate: false })

wss.on("connection", (socket) => {
  const connection = nextId()
  const joined = new Set<Set<WebSocket>>()
  let from: unknown

  const onMessage = (request: BenchRequest) => {
    switch (request.type) {
      case "subscribe": {
        from = request.payload["public_key"]
        const name = request.thread_id ?? ""
        const room = rooms.get(name) ?? new Set()
        rooms.set(name, room.add(socket))
        joined.add(room)
        return socket.send(JSON.stringify(replyMessage(request)))
      }
      case "heartbeat":
        return socket.send(JSON.stringify(replyMessage(request)))
      case "signal": {
        const text = JSON.stringify(signalMessage(request, from, connection))
        for (const member of rooms.get(request.thread_id ?? "") ?? []) member.send(text)
      }
    }
  }

  socket.on("message", (data: RawData) => onMessage(JSON.parse(data.toString()) as BenchRequest))
  socket.on("close", () => {
    for (const room of joined) room.delete(socket)
  })
})

server.listen(0, "127.0.0.1", () => announcePort((server.address() as AddressInfo).port))
