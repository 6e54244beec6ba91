/** Transitions of a replica's ephemeral state: presence, signals, streamed text. Not logged (ROO2, ROO3, CHO5). */
import type { Instant } from "../domain/protocol/Ids.ts"
import type { PublishedSignal, ServerMessageOf } from "../domain/protocol/Protocol.ts"
import type { Replica } from "./Replica.ts"

/** Keeps the latest signal by connection and key; null removes it (ROO3). */
export const applySignal = (replica: Replica, message: PublishedSignal, at: Instant): Replica => {
  const otherSignals = replica.signals.filter((existing) =>
    existing.connection !== message.connection || existing.key !== message.key
  )
  return { ...replica, signals: message.value === null ? otherSignals : [...otherSignals, { ...message, at }] }
}

/** Adds and removes connections; the signals of a removed one are removed with it (ROO2). */
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

/** Writes streamed text at its offset, in UTF-16 units. A chunk beyond the end is ignored: text before it is missing. */
export const appendPartialOutput = (replica: Replica, message: ServerMessageOf<"chorus_response">): Replica => {
  const { _tag, offset, ...chunk } = message
  const previous = replica.partialOutputs.find((text) => text.prompt_id === chunk.prompt_id)
  const isSameAttempt = previous !== undefined && previous.loop === chunk.loop && previous.step === chunk.step &&
    previous.attempt === chunk.attempt
  const previousText = isSameAttempt ? previous.text : ""
  if (offset > previousText.length) return replica
  const combined = previousText.slice(0, offset) + chunk.text
  // A repeated chunk must not truncate the text after it.
  const text = previousText.startsWith(combined) ? previousText : combined
  return {
    ...replica,
    partialOutputs: [...replica.partialOutputs.filter((other) => other.prompt_id !== chunk.prompt_id), {
      ...chunk,
      text
    }]
  }
}
