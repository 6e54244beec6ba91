/**
 * A client of another instance, with nothing but a session token: it shows the token on a connection of its own, and
 * subscribes to the public thread if it is let in.
 */
import * as Entropy from "../../../layers/runtime/Entropy.ts"
import type { SimulatedNetwork } from "../cluster/SimulatedNetwork.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import type { SimulatedProcess } from "../runtime/SimulatedProcess.ts"
import { publicThread } from "./PublicThreadWorkload.ts"

/** Connects, and closes the connection after `millis`. */
export const connectWithToken = (
  process: SimulatedProcess,
  network: SimulatedNetwork,
  random: SeededRandom,
  token: string,
  millis: number
): void => {
  const socket = network.connect(process)
  const uuid = () => Entropy.randomUuid(random)
  const send = (type: string, payload: object, topic?: string) =>
    socket.send(JSON.stringify({ id: uuid(), type, payload, timestamp: process.now, thread_id: topic }))
  socket.addEventListener("open", () => send("resume", { session_token: token, client_id: uuid() }))
  socket.addEventListener("message", (event) => {
    const { type } = JSON.parse((event as { readonly data: string }).data) as { readonly type: string }
    if (type === "init") send("subscribe", {}, publicThread)
  })
  process.schedule(millis, () => socket.close(1000))
}
