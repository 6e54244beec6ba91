/** Shared by the compared servers: messages of the same size as Choir's, and the line that announces the port. */
import * as Uuids from "../../../src/domain/protocol/Uuids.ts"

/** A message from the load generator. */
export interface BenchRequest {
  readonly id: string
  readonly type: "subscribe" | "signal" | "heartbeat"
  readonly payload: Readonly<Record<string, unknown>>
  readonly thread_id?: string
}

/** The next message id. */
export const nextId = Uuids.sequentialUuids(crypto.getRandomValues(new Uint8Array(9)))

const currentMillis = () => Math.floor(performance.timeOrigin + performance.now())

/** The signal that members of a room receive. */
export const signalMessage = (request: BenchRequest, from: unknown, connection: string) => ({
  id: nextId(),
  type: "signal",
  payload: { from, connection, key: request.payload["key"], value: request.payload["value"] },
  timestamp: currentMillis(),
  thread_id: request.thread_id
})

/** The reply to a subscription or a heartbeat. */
export const replyMessage = (request: BenchRequest) => ({
  id: nextId(),
  type: request.type === "subscribe" ? "subscribed" : "heartbeat",
  payload: { ref_id: request.id },
  timestamp: currentMillis()
})

/** Prints the address that the runner waits for. */
export const announcePort = (port: number) => process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
