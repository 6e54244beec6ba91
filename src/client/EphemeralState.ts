/**
 * What a copy holds for the moment only, beside its log: who is there, what
 * they signal, and the text of a step that is still being written (ROO2, ROO3, CHO5).
 */
import type { Instant } from "../domain/protocol/Ids.ts"
import type { PublishedSignal, ServerMessageOf } from "../domain/protocol/Protocol.ts"
import type { Replica } from "./Replica.ts"

/** Latest per connection and key; null removes (ROO3). */
export const applySignal = (replica: Replica, message: PublishedSignal, at: Instant): Replica => {
  const otherSignals = replica.signals.filter((existing) =>
    existing.connection !== message.connection || existing.key !== message.key
  )
  return { ...replica, signals: message.value === null ? otherSignals : [...otherSignals, { ...message, at }] }
}

/** Who came and who left; whoever left takes their signals along (ROO2). */
export const applyPresenceDiff = (replica: Replica, message: ServerMessageOf<"presence_diff">): Replica => {
  const leftConnections = new Set(message.leaves.map((leave) => leave.connection))
  const joinedConnections = new Set(message.joins.map((join) => join.connection))
  return {
    ...replica,
    presence: [
      ...replica.presence.filter((existing) =>
        !leftConnections.has(existing.connection) && !joinedConnections.has(existing.connection)
      ),
      ...message.joins
    ],
    signals: replica.signals.filter((existing) => !leftConnections.has(existing.connection))
  }
}

/** A piece of running text: whatever is there before its offset is kept, and a piece beyond the end is left out. */
export const appendPartialOutput = (replica: Replica, message: ServerMessageOf<"chorus_response">): Replica => {
  const { _tag, offset, ...chunk } = message
  const previous = replica.partialOutputs.find((text) => text.prompt_id === chunk.prompt_id)
  const isSameAttempt = previous !== undefined && previous.loop === chunk.loop && previous.step === chunk.step &&
    previous.attempt === chunk.attempt
  const previousText = isSameAttempt ? previous.text : ""
  if (offset > previousText.length) return replica
  const combined = previousText.slice(0, offset) + chunk.text
  // A piece that comes twice must not cut off what followed it.
  const text = previousText.startsWith(combined) ? previousText : combined
  return {
    ...replica,
    partialOutputs: [...replica.partialOutputs.filter((other) => other.prompt_id !== chunk.prompt_id), {
      ...chunk,
      text
    }]
  }
}
