/** What the servers of comparison have in common: the messages, of the same size as Choir's, and how they say where they are. */
import * as Uuids from "../../../src/domain/Uuids.ts"

/** What the load generator sends them. */
export interface Request {
  readonly id: string
  readonly type: "subscribe" | "signal" | "heartbeat"
  readonly payload: Readonly<Record<string, unknown>>
  readonly thread_id?: string
}

export const nextId = Uuids.counter(crypto.getRandomValues(new Uint8Array(9)))

const now = () => Math.floor(performance.timeOrigin + performance.now())

/** What members of a room hear of one of them. */
export const signal = (request: Request, from: unknown, connection: string) => ({
  id: nextId(),
  type: "signal",
  payload: { from, connection, key: request.payload["key"], value: request.payload["value"] },
  timestamp: now(),
  thread_id: request.thread_id
})

export const reply = (request: Request) => ({
  id: nextId(),
  type: request.type === "subscribe" ? "subscribed" : "heartbeat",
  payload: { ref_id: request.id },
  timestamp: now()
})

export const announce = (port: number) => process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
