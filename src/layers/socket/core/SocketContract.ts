/** Validation of engines against the contract at run time, for engines that no compiler has checked (SOC4). */
import { Effect } from "effect"
import { EngineIncomplete, type Socket, SocketError } from "../../../services/Socket.ts"

const contractMembers: { readonly [M in keyof Socket["Service"]]: "set" | "effect" | "function" } = {
  capabilities: "set",
  start: "effect",
  stop: "effect",
  isRunning: "effect",
  getAddress: "effect",
  getPort: "effect",
  getConnection: "function",
  getAllConnections: "effect",
  getConnectionCount: "effect",
  closeConnection: "function",
  send: "function",
  broadcast: "function",
  onConnection: "function",
  onDisconnection: "function",
  onError: "function",
  onDrained: "function",
  registerMessageHandler: "function",
  routeMessage: "function"
}

/** The members of the contract that are absent from a value or have another type. */
export const missingMembers = (engine: unknown): ReadonlyArray<string> =>
  Object.entries(contractMembers).filter(([name, kind]) => {
    const member: unknown = typeof engine === "object" && engine !== null ? Reflect.get(engine, name) : undefined
    if (kind === "set") return !(member instanceof Set)
    return kind === "effect" ? !Effect.isEffect(member) : typeof member !== "function"
  }).map(([name]) => name)

/** The engine itself, or `EngineIncomplete` with the names of its missing members. */
export const requireComplete = (engine: Socket["Service"]): Effect.Effect<Socket["Service"], SocketError> => {
  const missing = missingMembers(engine)
  return missing.length === 0
    ? Effect.succeed(engine)
    : Effect.fail(new SocketError({ reason: new EngineIncomplete({ missing }) }))
}
