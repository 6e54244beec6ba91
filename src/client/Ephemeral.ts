/**
 * What a copy holds for the moment only, beside its log: who is there, what
 * they signal, and the text of a step that is still being written (ROO2, ROO3, CHO5).
 */
import type { Instant } from "../domain/Ids.ts"
import type { ServerMessageOf, SignalView } from "../domain/Protocol.ts"
import type { Replica } from "./Replica.ts"

/** Latest per connection and key; null removes (ROO3). */
export const signal = (replica: Replica, message: SignalView, at: Instant): Replica => {
  const rest = replica.signals.filter((had) => had.connection !== message.connection || had.key !== message.key)
  return { ...replica, signals: message.value === null ? rest : [...rest, { ...message, at }] }
}

/** Who came and who left; whoever left takes their signals along (ROO2). */
export const presence = (replica: Replica, message: ServerMessageOf<"presence_diff">): Replica => {
  const gone = new Set(message.leaves.map((leave) => leave.connection))
  const joined = new Set(message.joins.map((join) => join.connection))
  return {
    ...replica,
    presence: [
      ...replica.presence.filter((had) => !gone.has(had.connection) && !joined.has(had.connection)),
      ...message.joins
    ],
    signals: replica.signals.filter((had) => !gone.has(had.connection))
  }
}

/** A piece of running text: whatever is there before its offset is kept, and a piece beyond the end is left out. */
export const text = (replica: Replica, message: ServerMessageOf<"chorus_response">): Replica => {
  const { _tag, offset, ...piece } = message
  const had = replica.running.find((text) => text.prompt_id === piece.prompt_id)
  const same = had !== undefined && had.loop === piece.loop && had.step === piece.step && had.attempt === piece.attempt
  const before = same ? had.text : ""
  if (offset > before.length) return replica
  const whole = before.slice(0, offset) + piece.text
  // A piece that comes twice must not cut off what followed it.
  const text = before.startsWith(whole) ? before : whole
  return {
    ...replica,
    running: [...replica.running.filter((other) => other.prompt_id !== piece.prompt_id), { ...piece, text }]
  }
}
