/**
 * Decodes the text of one frame into a client message, or into a rejection with a code of the closed set (CON4, SEC22).
 *
 * The structure is validated before any schema sees the value: size, depth and number of keys (SEC16), finite numbers
 * (SEC17), well-formed strings (SEC18), no key that reaches a prototype (SEC19).
 */
import { Exit, Result, Schema } from "effect"
import { CommandId, Instant, kindOf, TopicId } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import { ClientControl, clientControlTypes, Envelope } from "../protocol/Protocol.ts"
import type { ErrorCode } from "../protocol/Rejection.ts"
import { isSealedText } from "../topic/SealedText.ts"
import type { AnyKind } from "../topic/Topic.ts"
import { hasLossyNumber } from "./LossyNumbers.ts"

/** A well-formed message: a control message of the connection, or a command to a topic. */
export const ClientMessage = Schema.TaggedUnion({
  Control: { id: CommandId, control: ClientControl, topic: Schema.NullOr(TopicId) },
  /** `command` is decoded by its kind, its texts not committed to. The signature is not verified yet. */
  Command: {
    id: CommandId,
    topic: TopicId,
    command: Schema.Unknown,
    timestamp: Instant,
    salt: Schema.optionalKey(Schema.String),
    signature: Schema.optionalKey(Schema.String)
  }
})
export type ClientMessage = typeof ClientMessage.Type

/** Why a frame was rejected. `id` is the id of the message if it could be read. */
export interface FrameRejection {
  readonly id: string | null
  readonly code: Extract<ErrorCode, "malformed" | "unknown_type" | "too_large">
  readonly message: string
}

/** Decodes one frame. */
export type FrameDecoder = (text: string) => Result.Result<ClientMessage, FrameRejection>

/** Decodes the commands of a kind. No field is dropped: an unknown one, such as an author, is rejected rather than ignored (SEC8). */
const strictDecoder = (schema: AnyKind["Command"]) => {
  const decode = Schema.decodeUnknownExit(schema)
  const decodeStrictly = Schema.decodeUnknownExit(schema, { onExcessProperty: "error" })
  // The option takes decoding off its compiled path. It is for payloads that are refused, and for schemas that rename fields.
  return (payload: unknown) => {
    const decoded = decode(payload)
    return Exit.isSuccess(decoded) && isLossless(payload, decoded.value) ? decoded : decodeStrictly(payload)
  }
}
/** The payload is decoded by the schema of its type, so that the envelope only requires its presence. */
const decodeEnvelope = Schema.decodeUnknownExit(
  Schema.Struct({ ...Envelope.fields, payload: Schema.optionalKey(Schema.Unknown) })
)
const decodeControl = Schema.decodeUnknownExit(ClientControl)

/** Control messages that concern one topic, and so need `thread_id`. */
export const topicScopedTypes: ReadonlySet<string> = new Set([
  "subscribe",
  "unsubscribe",
  "ack",
  "desync",
  "signal",
  "get_thread"
])

/** Makes a decoder for commands of `kinds`. Compiles the schemas once, not per message. */
export const makeDecoder = (
  kinds: ReadonlyMap<string, AnyKind>,
  limits: Pick<Limits, "frameBytes" | "depth" | "keys">
): FrameDecoder => {
  const decoders = new Map([...kinds].map(([name, { Command, commands }]) =>
    [
      name,
      { commands, decode: strictDecoder(Command) }
    ] as const
  ))

  const decodeCommandMessage = (envelope: Envelope): Result.Result<ClientMessage, FrameRejection> => {
    const topic = topicOf(envelope)
    if (topic === undefined) return reject(envelope.id, "malformed", `thread_id is missing: ${envelope.type} needs one`)
    const kindName = kindOf(topic)
    const kind = decoders.get(kindName)
    if (kind?.commands.has(envelope.type) !== true) {
      return reject(envelope.id, "unknown_type", `${kindName} topics have no command ${envelope.type}`)
    }
    const decoded = kind.decode(withTag(envelope))
    if (Exit.isFailure(decoded)) {
      return reject(envelope.id, "malformed", `the payload does not match the schema of ${envelope.type}`)
    }
    const { id, salt, signature, timestamp } = envelope
    return Result.succeed({
      _tag: "Command",
      id: id as CommandId,
      topic,
      command: decoded.value,
      timestamp,
      ...(salt === undefined ? undefined : { salt }),
      ...(signature === undefined ? undefined : { signature })
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
    const violation = hasLossyNumber(text) ? lossyNumber : validateJsonStructure(value, limits)
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
 * SEC8: whether decoding dropped no field. Replaces the schema option `onExcessProperty`, which costs more than decoding
 * itself; false for schemas that rename fields. A text that is sealed has all of its value.
 */
const isLossless = (value: unknown, decoded: unknown): boolean => {
  if (value === decoded || typeof value !== "object" || value === null || isSealedText(decoded)) return true
  if (typeof decoded !== "object" || decoded === null) return false
  const decodedFields = decoded as Readonly<Record<string, unknown>>
  const inputFields = value as Readonly<Record<string, unknown>>
  // Counts instead of listing keys: the lists would be the largest allocation of a small message.
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
  if (envelope.signature !== undefined) return reject(envelope.id, "malformed", "only commands carry a signature")
  if (envelope.salt !== undefined) return reject(envelope.id, "malformed", "only commands carry a salt")
  const payload = withTag(envelope)
  const decoded = decodeControl(payload)
  return Exit.isSuccess(decoded) && isLossless(payload, decoded.value)
    ? Result.succeed({
      _tag: "Control",
      id: envelope.id as CommandId,
      control: decoded.value,
      topic: envelope.thread_id ?? null
    })
    : reject(envelope.id, "malformed", `the payload does not match the schema of ${envelope.type}`)
}

const invalidEnvelope =
  "the message is not an envelope: id (a UUID in lower case), type, payload (an object), timestamp (ms), thread_id"

/** The payload with its tag, which overrides a `_tag` in the payload. */
const withTag = (envelope: Envelope): unknown => ({ ...envelope.payload, _tag: envelope.type })

/** The topic of a command; a thread that is being created is named after its command. */
const topicOf = (envelope: Envelope): TopicId | undefined =>
  envelope.thread_id ?? (envelope.type === "create_thread" ? TopicId.make(`thread:${envelope.id}`) : undefined)

const reject = (
  id: string | null,
  code: FrameRejection["code"],
  message: string
): Result.Result<never, FrameRejection> => Result.fail({ id, code, message })

const uuidPattern = /^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/

/** The id of a rejected message, for `ref_id`; null if there is no valid one. */
const messageIdOf = (value: unknown): string | null =>
  typeof value === "object" && value !== null && "id" in value && typeof value.id === "string" &&
    uuidPattern.test(value.id)
    ? value.id
    : null

type StructureViolation = Omit<FrameRejection, "id">

const lossyNumber: StructureViolation = {
  code: "malformed",
  message: "a number has more digits than a double holds, and would be changed: send it as a string"
}

const loneSurrogate: StructureViolation = { code: "malformed", message: "a string contains a lone surrogate" }

const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"])

/** SEC16, SEC17, SEC18, SEC19: the first violation in a parsed value, or undefined. Descends at most `limits.depth` levels. */
export const validateJsonStructure = (
  value: unknown,
  limits: Pick<Limits, "depth" | "keys">,
  depth = 1
): StructureViolation | undefined => {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? undefined : loneSurrogate
    case "number":
      return Number.isFinite(value) ? undefined : { code: "malformed", message: "a number is not finite" }
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
    if (forbiddenKeys.has(key)) {
      return { code: "malformed", message: "__proto__, constructor and prototype are not allowed as keys" }
    }
    if (!key.isWellFormed()) return loneSurrogate
    const violation = validateJsonStructure(record[key], limits, depth + 1)
    if (violation !== undefined) return violation
  }
  return undefined
}
