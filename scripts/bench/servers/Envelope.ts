/** What the servers of comparison have in common: the messages, of the same size as Choir's, and how they say where they are. */
import * as Uuids from "../../../src/domain/protocol/Uuids.ts"

/** What the load generator sends them. */
export interface BenchRequest {
  readonly id: string
  readonly type: "subscribe" | "signal" | "heartbeat"
  readonly payload: Readonly<Record<string, unknown>>
  readonly thread_id?: string
}

export const nextId = Uuids.sequentialUuids(crypto.getRandomValues(new Uint8Array(9)))

const currentMillis = () => Math.floor(performance.timeOrigin + performance.now())

/** What members of a room hear of one of them. */
export const signalMessage = (request: BenchRequest, from: unknown, connection: string) => ({
  id: nextId(),
  type: "signal",
  payload: { from, connection, key: request.payload["key"], value: request.payload["value"] },
  timestamp: currentMillis(),
  thread_id: request.thread_id
})

export const replyMessage = (request: BenchRequest) => ({
  id: nextId(),
  type: request.type === "subscribe" ? "subscribed" : "heartbeat",
  payload: { ref_id: request.id },
  timestamp: currentMillis()
})

export const announcePort = (port: number) => process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
