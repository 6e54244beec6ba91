/**
 * Frames around a JSON value that many of them contain, such as the state of a topic: it is encoded once, and in memory
 * once, however many connections have such a frame queued (CON8, SYN9).
 */
import type { Schema } from "effect"
import { maxDeflateBytes } from "../../domain/delivery/CompressionPolicy.ts"
import type { Lane } from "../../domain/delivery/Lane.ts"
import {
  encodeEnvelopeParts,
  encodeServerMessage,
  type EnvelopeFields,
  type ServerMessage
} from "../../domain/protocol/Protocol.ts"
import type { EncodedJson, OutboundFrame, SharedParts } from "../../services/OutboundFrame.ts"

/** A server message with one field that is encoded already. `payload` holds the others, at least one. */
export interface SharedMessage {
  readonly type: ServerMessage["_tag"]
  readonly payload: object
  readonly field: string
  readonly json: EncodedJson
}

/** A chunk is complete when it has this many UTF-16 units. */
const chunkLength = 65_536

/** Depth down to which values are encoded member by member: the lists of the state in a snapshot. */
const maxSplitDepth = 3

/** Encodes a JSON value, without ever having all of it as one string. */
export const encodeJson = (json: Schema.Json): EncodedJson => {
  const chunks: Array<Uint8Array> = []
  let length = 0
  let text = ""
  const flush = () => {
    // Not from the pool: a chunk that is kept would keep all 64 KB of it.
    const chunk = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
    chunk.write(text)
    chunks.push(chunk)
    length += chunk.length
    text = ""
  }
  const write = (value: Schema.Json, depth: number): void => {
    if (typeof value !== "object" || value === null || depth === maxSplitDepth) text += JSON.stringify(value)
    else if (Array.isArray(value)) {
      for (const [n, element] of value.entries()) {
        text += n === 0 ? "[" : ","
        write(element, depth + 1)
      }
      text += value.length === 0 ? "[]" : "]"
    } else {
      const members = Object.entries(value)
      for (const [n, [key, member]] of members.entries()) {
        text += `${n === 0 ? "{" : ","}${JSON.stringify(key)}:`
        write(member, depth + 1)
      }
      text += members.length === 0 ? "{}" : "}"
    }
    if (text.length >= chunkLength) flush()
  }
  write(json, 0)
  flush()
  return { chunks, length }
}

/** The JSON text of an encoded value. */
export const jsonText = ({ chunks }: EncodedJson): string => chunks.map((chunk) => chunk.toString()).join("")

/** A frame with one message, which is a whole one or has a field that is encoded already. */
export const makeFrame = (
  message: ServerMessage | SharedMessage,
  fields: EnvelopeFields,
  lane: Lane
): OutboundFrame => {
  if ("_tag" in message) return { text: encodeServerMessage(message, fields), lane }
  const { field, json, payload, type } = message
  return new SharedFrame({ ...encodeEnvelopeParts(type, payload, field, fields), shared: json }, lane)
}

/** A frame of one message in parts. Engines that write strings read `text`, which is made at each access. */
class SharedFrame implements OutboundFrame {
  readonly parts: SharedParts
  readonly lane: Lane

  constructor(parts: SharedParts, lane: Lane) {
    this.parts = parts
    this.lane = lane
  }

  get text(): string {
    const { after, before, shared } = this.parts
    return before + jsonText(shared) + after
  }
}

/**
 * Whether a frame is to be sent piece by piece, so that nothing of it is copied for a peer that does not read. Smaller ones
 * can be compressed, and `outboxMax` bounds them.
 */
export const usesFragments = (frame: OutboundFrame): frame is OutboundFrame & { readonly parts: SharedParts } =>
  frame.parts !== undefined && frame.parts.shared.length > maxDeflateBytes

/** The pieces of a message, in order. */
export const fragments = ({ after, before, shared }: SharedParts): ReadonlyArray<Uint8Array> => [
  Buffer.from(before),
  ...shared.chunks,
  Buffer.from(after)
]
