/**
 * From the text of one frame to what it asks for, or to a refusal with a
 * closed code and a sentence (CON4, SEC12, SEC16-SEC19, SEC22).
 *
 * Structure is checked before any schema sees the value: size, depth, keys,
 * finite numbers, whole surrogate pairs, no key that could touch a prototype.
 */
import { Exit, Result, Schema } from "effect"
import { CommandId, kindOf, TopicId } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import { ClientControl, clientControlTypes, Envelope } from "../protocol/Protocol.ts"
import type { ErrorCode } from "../protocol/Rejection.ts"
import { SignedCommand } from "../protocol/SignedCommand.ts"
import type { AnyKind } from "../topic/Topic.ts"

/** What a well-formed message asks for. */
export const ClientMessage = Schema.TaggedUnion({
  Control: { id: CommandId, control: ClientControl, topic: Schema.NullOr(TopicId) },
  /** `signed` as the sender says; nobody has checked it yet. */
  Command: { id: CommandId, topic: TopicId, command: Schema.Json, signed: Schema.optionalKey(SignedCommand) }
})
export type ClientMessage = typeof ClientMessage.Type

/** Why a message was not taken. `id` is its own id when that could be read. */
export interface FrameRejection {
  readonly id: string | null
  readonly code: Extract<ErrorCode, "malformed" | "unknown_type" | "too_large">
  readonly message: string
}

/** Reads one frame. `kinds` are the kinds whose commands may come over the wire. */
export type FrameDecoder = (text: string) => Result.Result<ClientMessage, FrameRejection>

/** Identity comes from the connection alone, so a field nobody asked for is refused rather than dropped (SEC8). */
const strict = { onExcessProperty: "error" } as const
/** The payload is JSON already, and read by its type's own schema: here it need only be there. */
const decodeEnvelope = Schema.decodeUnknownExit(
  Schema.Struct({ ...Envelope.fields, payload: Schema.optionalKey(Schema.Unknown) })
)
const decodeControl = Schema.decodeUnknownExit(ClientControl)

/** Control messages that are about one topic, and so need `thread_id`. */
export const topicScopedTypes: ReadonlySet<string> = new Set([
  "subscribe",
  "unsubscribe",
  "ack",
  "desync",
  "signal",
  "get_thread"
])

/** Prepares the reader once; its schemas are compiled here, not per message. */
export const makeDecoder = (
  kinds: ReadonlyMap<string, AnyKind>,
  limits: Pick<Limits, "frameBytes" | "depth" | "keys">
): FrameDecoder => {
  const decoders = new Map([...kinds.values()].map((kind) =>
    [
      kind.name,
      Schema.decodeUnknownExit(kind.Command as Schema.Codec<Schema.Json, unknown>, strict)
    ] as const
  ))

  const decodeCommandMessage = (envelope: Envelope): Result.Result<ClientMessage, FrameRejection> => {
    const topic = topicOf(envelope)
    if (topic === undefined) return reject(envelope.id, "malformed", `thread_id is missing: ${envelope.type} needs one`)
    const kind = kinds.get(kindOf(topic))
    const decode = decoders.get(kindOf(topic))
    if (kind === undefined || decode === undefined || !kind.commands.has(envelope.type)) {
      return reject(
        envelope.id,
        "unknown_type",
        `${kindOf(topic)} topics do not know messages of type ${envelope.type}`
      )
    }
    const decoded = decode(withTag(envelope))
    if (Exit.isFailure(decoded)) {
      return reject(envelope.id, "malformed", `the payload is not that of a ${envelope.type} message`)
    }
    const { id, signature, timestamp } = envelope
    const request = { topic, command: decoded.value }
    return Result.succeed({
      _tag: "Command",
      id: id as CommandId,
      ...request,
      ...(signature === undefined ? undefined : { signed: { ...request, timestamp, signature } })
    })
  }

  return (text) => {
    if (text.length > limits.frameBytes) {
      return reject(null, "too_large", `a message may have at most ${limits.frameBytes} bytes`)
    }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return reject(null, "malformed", "the message is not JSON")
    }
    const violation = validateJsonStructure(value, limits)
    if (violation !== undefined) return Result.fail({ id: messageIdOf(value), ...violation })
    const envelope = envelopeOf(value)
    if (envelope === undefined) return reject(messageIdOf(value), "malformed", invalidEnvelope)
    return clientControlTypes.has(envelope.type) ? decodeControlMessage(envelope) : decodeCommandMessage(envelope)
  }
}

const envelopeOf = (value: unknown): Envelope | undefined => {
  const decoded = decodeEnvelope(value)
  if (Exit.isFailure(decoded) || !isLossless(value, decoded.value)) return undefined
  const { payload } = decoded.value
  const isPayload = payload === undefined || typeof payload === "object" && payload !== null && !Array.isArray(payload)
  return isPayload ? decoded.value as Envelope : undefined
}

/**
 * Whether decoding left nothing out. It stands for the schema option that refuses excess properties, which costs more
 * than the decoding itself; it will do where the schema renames nothing.
 */
const isLossless = (value: unknown, decoded: unknown): boolean => {
  if (value === decoded || typeof value !== "object" || value === null) return true
  const decodedFields = decoded as Readonly<Record<string, unknown>>
  const inputFields = value as Readonly<Record<string, unknown>>
  // Both are plain data; a list of keys would be the largest thing made for a small message.
  let excess = 0
  for (const _ in decodedFields) excess -= 1
  for (const key in inputFields) {
    excess += 1
    if (!isLossless(inputFields[key], decodedFields[key])) return false
  }
  return excess === 0
}

const decodeControlMessage = (envelope: Envelope): Result.Result<ClientMessage, FrameRejection> => {
  if (topicScopedTypes.has(envelope.type) && envelope.thread_id === undefined) {
    return reject(envelope.id, "malformed", `thread_id is missing: ${envelope.type} needs one`)
  }
  if (envelope.signature !== undefined) return reject(envelope.id, "malformed", "only commands are signed")
  const payload = withTag(envelope)
  const decoded = decodeControl(payload)
  return Exit.isSuccess(decoded) && isLossless(payload, decoded.value)
    ? Result.succeed({
      _tag: "Control",
      id: envelope.id as CommandId,
      control: decoded.value,
      topic: envelope.thread_id ?? null
    })
    : reject(envelope.id, "malformed", `the payload is not that of a ${envelope.type} message`)
}

const invalidEnvelope =
  "the message is not an envelope: id (a UUID), type, payload (an object), timestamp (ms), thread_id"

/** The payload with its tag; a `_tag` that came along must not win. */
const withTag = (envelope: Envelope): unknown => ({ ...envelope.payload, _tag: envelope.type })

/** A thread that is being created takes its name from the command. */
const topicOf = (envelope: Envelope): TopicId | undefined =>
  envelope.thread_id ?? (envelope.type === "create_thread" ? TopicId.make(`thread:${envelope.id}`) : undefined)

const reject = (
  id: string | null,
  code: FrameRejection["code"],
  message: string
): Result.Result<never, FrameRejection> => Result.fail({ id, code, message })

const uuidPattern = /^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/

/** The id of a message that is refused, so that its sender knows which. */
const messageIdOf = (value: unknown): string | null =>
  typeof value === "object" && value !== null && "id" in value && typeof value.id === "string" &&
    uuidPattern.test(value.id)
    ? value.id
    : null

type StructureViolation = Omit<FrameRejection, "id">

const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"])

/** Walks a parsed value, no deeper than `limits.depth`. Undefined when all is well. */
export const validateJsonStructure = (
  value: unknown,
  limits: Pick<Limits, "depth" | "keys">,
  depth = 1
): StructureViolation | undefined => {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? undefined : { code: "malformed", message: "a text holds half a surrogate pair" }
    case "number":
      return Number.isFinite(value) ? undefined : { code: "malformed", message: "a number is out of range" }
    case "object":
      break
    default:
      return undefined
  }
  if (value === null) return undefined
  if (depth > limits.depth) {
    return { code: "too_large", message: `values may be nested at most ${limits.depth} deep` }
  }
  if (Array.isArray(value)) {
    for (const item of value) {
      const violation = validateJsonStructure(item, limits, depth + 1)
      if (violation !== undefined) return violation
    }
    return undefined
  }
  const record = value as Readonly<Record<string, unknown>>
  let keyCount = 0
  for (const key in record) {
    if (++keyCount > limits.keys) {
      return { code: "too_large", message: `an object may have at most ${limits.keys} keys` }
    }
    if (forbiddenKeys.has(key)) return { code: "malformed", message: "a key has a name that is not allowed" }
    const violation = validateJsonStructure(key, limits, depth) ??
      validateJsonStructure(record[key], limits, depth + 1)
    if (violation !== undefined) return violation
  }
  return undefined
}
