/**
 * From the text of one frame to what it asks for, or to a refusal with a
 * closed code and a sentence (CON4, SEC12, SEC16-SEC19, SEC22).
 *
 * Structure is checked before any schema sees the value: size, depth, keys,
 * finite numbers, whole surrogate pairs, no key that could touch a prototype.
 */
import { Exit, Result, Schema } from "effect"
import { CommandId, kindOf, TopicId } from "../Ids.ts"
import type { Limits } from "../Limits.ts"
import { Control, controlTypes, Envelope } from "../Protocol.ts"
import type { ErrorCode } from "../Rejection.ts"
import { SignedCommand } from "../SignedCommand.ts"
import type { AnyKind } from "../Topic.ts"

/** What a well-formed message asks for. */
export const Incoming = Schema.TaggedUnion({
  Control: { id: CommandId, control: Control, topic: Schema.NullOr(TopicId) },
  /** `signed` as the sender says; nobody has checked it yet. */
  Command: { id: CommandId, topic: TopicId, command: Schema.Json, signed: Schema.optionalKey(SignedCommand) }
})
export type Incoming = typeof Incoming.Type

/** Why a message was not taken. `id` is its own id when that could be read. */
export interface Refusal {
  readonly id: string | null
  readonly code: Extract<ErrorCode, "malformed" | "unknown_type" | "too_large">
  readonly message: string
}

/** Reads one frame. `kinds` are the kinds whose commands may come over the wire. */
export type Read = (text: string) => Result.Result<Incoming, Refusal>

/** Identity comes from the connection alone, so a field nobody asked for is refused rather than dropped (SEC8). */
const strict = { onExcessProperty: "error" } as const
/** The payload is JSON already, and read by its type's own schema: here it need only be there. */
const decodeEnvelope = Schema.decodeUnknownExit(
  Schema.Struct({ ...Envelope.fields, payload: Schema.optionalKey(Schema.Unknown) })
)
const decodeControl = Schema.decodeUnknownExit(Control)

/** Control messages that are about one topic, and so need `thread_id`. */
export const topical: ReadonlySet<string> = new Set([
  "subscribe",
  "unsubscribe",
  "ack",
  "desync",
  "signal",
  "get_thread"
])

/** Prepares the reader once; its schemas are compiled here, not per message. */
export const reader = (
  kinds: ReadonlyMap<string, AnyKind>,
  limits: Pick<Limits, "frameBytes" | "depth" | "keys">
): Read => {
  const decoders = new Map([...kinds.values()].map((kind) =>
    [
      kind.name,
      Schema.decodeUnknownExit(kind.Command as Schema.Codec<Schema.Json, unknown>, strict)
    ] as const
  ))

  const command = (envelope: Envelope): Result.Result<Incoming, Refusal> => {
    const topic = topicOf(envelope)
    if (topic === undefined) return refuse(envelope.id, "malformed", `thread_id is missing: ${envelope.type} needs one`)
    const kind = kinds.get(kindOf(topic))
    const decode = decoders.get(kindOf(topic))
    if (kind === undefined || decode === undefined || !kind.commands.has(envelope.type)) {
      return refuse(
        envelope.id,
        "unknown_type",
        `${kindOf(topic)} topics do not know messages of type ${envelope.type}`
      )
    }
    const decoded = decode(tagged(envelope))
    if (Exit.isFailure(decoded)) {
      return refuse(envelope.id, "malformed", `the payload is not that of a ${envelope.type} message`)
    }
    const { id, signature, timestamp } = envelope
    const asked = { topic, command: decoded.value }
    return Result.succeed({
      _tag: "Command",
      id: id as CommandId,
      ...asked,
      ...(signature === undefined ? undefined : { signed: { ...asked, timestamp, signature } })
    })
  }

  return (text) => {
    if (text.length > limits.frameBytes) {
      return refuse(null, "too_large", `a message may have at most ${limits.frameBytes} bytes`)
    }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return refuse(null, "malformed", "the message is not JSON")
    }
    const fault = structure(value, limits)
    if (fault !== undefined) return Result.fail({ id: idOf(value), ...fault })
    const envelope = envelopeOf(value)
    if (envelope === undefined) return refuse(idOf(value), "malformed", envelopeRule)
    return controlTypes.has(envelope.type) ? control(envelope) : command(envelope)
  }
}

const envelopeOf = (value: unknown): Envelope | undefined => {
  const decoded = decodeEnvelope(value)
  if (Exit.isFailure(decoded) || !isWhole(value, decoded.value)) return undefined
  const { payload } = decoded.value
  const isPayload = payload === undefined || typeof payload === "object" && payload !== null && !Array.isArray(payload)
  return isPayload ? decoded.value as Envelope : undefined
}

/**
 * Whether decoding left nothing out. It stands for the schema option that refuses excess properties, which costs more
 * than the decoding itself; it will do where the schema renames nothing.
 */
const isWhole = (value: unknown, decoded: unknown): boolean => {
  if (value === decoded || typeof value !== "object" || value === null) return true
  const kept = decoded as Readonly<Record<string, unknown>>
  const given = value as Readonly<Record<string, unknown>>
  // Both are plain data; a list of keys would be the largest thing made for a small message.
  let missing = 0
  for (const _ in kept) missing -= 1
  for (const key in given) {
    missing += 1
    if (!isWhole(given[key], kept[key])) return false
  }
  return missing === 0
}

const control = (envelope: Envelope): Result.Result<Incoming, Refusal> => {
  if (topical.has(envelope.type) && envelope.thread_id === undefined) {
    return refuse(envelope.id, "malformed", `thread_id is missing: ${envelope.type} needs one`)
  }
  if (envelope.signature !== undefined) return refuse(envelope.id, "malformed", "only commands are signed")
  const payload = tagged(envelope)
  const decoded = decodeControl(payload)
  return Exit.isSuccess(decoded) && isWhole(payload, decoded.value)
    ? Result.succeed({
      _tag: "Control",
      id: envelope.id as CommandId,
      control: decoded.value,
      topic: envelope.thread_id ?? null
    })
    : refuse(envelope.id, "malformed", `the payload is not that of a ${envelope.type} message`)
}

const envelopeRule = "the message is not an envelope: id (a UUID), type, payload (an object), timestamp (ms), thread_id"

/** The payload with its tag; a `_tag` that came along must not win. */
const tagged = (envelope: Envelope): unknown => ({ ...envelope.payload, _tag: envelope.type })

/** A thread that is being created takes its name from the command. */
const topicOf = (envelope: Envelope): TopicId | undefined =>
  envelope.thread_id ?? (envelope.type === "create_thread" ? TopicId.make(`thread:${envelope.id}`) : undefined)

const refuse = (id: string | null, code: Refusal["code"], message: string): Result.Result<never, Refusal> =>
  Result.fail({ id, code, message })

const uuid = /^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/

/** The id of a message that is refused, so that its sender knows which. */
const idOf = (value: unknown): string | null =>
  typeof value === "object" && value !== null && "id" in value && typeof value.id === "string" && uuid.test(value.id)
    ? value.id
    : null

type Fault = Omit<Refusal, "id">

const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"])

/** Walks a parsed value, no deeper than `limits.depth`. Undefined when all is well. */
export const structure = (value: unknown, limits: Pick<Limits, "depth" | "keys">, depth = 1): Fault | undefined => {
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
      const fault = structure(item, limits, depth + 1)
      if (fault !== undefined) return fault
    }
    return undefined
  }
  const given = value as Readonly<Record<string, unknown>>
  let keys = 0
  for (const key in given) {
    if (++keys > limits.keys) {
      return { code: "too_large", message: `an object may have at most ${limits.keys} keys` }
    }
    if (forbiddenKeys.has(key)) return { code: "malformed", message: "a key has a name that is not allowed" }
    const fault = structure(key, limits, depth) ??
      structure(given[key], limits, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}
