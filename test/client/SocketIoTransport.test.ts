import { assert, describe, it } from "@effect/vitest"
import * as SocketIoTransport from "../../src/client/SocketIoTransport.ts"

/** A fake of a `socket.io-client` socket. */
const makeSocket = () => {
  const handlers = new Map<string, (...args: ReadonlyArray<unknown>) => void>()
  const emitted: Array<ReadonlyArray<unknown>> = []
  const connect = SocketIoTransport.connect(() => ({
    connected: true,
    on: (event, handler) => handlers.set(event, handler),
    emit: (...args) => emitted.push(args),
    disconnect: () => handlers.get("disconnect")?.()
  }))
  const socket = connect("ws://choir.test/ws")
  const events: Array<unknown> = []
  for (const type of ["open", "message", "close"] as const) {
    socket.addEventListener(type, (event) => events.push([type, event]))
  }
  return {
    socket,
    emitted,
    events,
    receive: (event: string, ...args: ReadonlyArray<unknown>) => handlers.get(event)?.(...args)
  }
}

describe("SocketIoTransport", () => {
  it("adapts events, and closes once with the server's code", () => {
    const { events, receive } = makeSocket()
    receive("connect")
    receive("message", "text")
    receive("close", 4511, "replaced")
    receive("disconnect")
    receive("disconnect")
    assert.deepStrictEqual(events, [
      ["open", {}],
      ["message", { data: "text" }],
      ["close", { code: 4511, reason: "replaced" }]
    ])
  })

  it("sends messages and its own close code; a disconnect without a code is 1006", () => {
    const { emitted, events, socket } = makeSocket()
    socket.send("text")
    socket.close(1000)
    assert.deepStrictEqual(emitted, [["message", "text"], ["close", 1000]])
    assert.deepStrictEqual(events, [["close", { code: 1000, reason: "" }]])
    const lost = makeSocket()
    lost.receive("connect_error")
    assert.deepStrictEqual(lost.events, [["close", { code: 1006, reason: "" }]])
  })
})
