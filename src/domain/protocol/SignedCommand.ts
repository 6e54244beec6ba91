/**
 * Commands that carry their author's signature (AUT5): the signing input and its form in the log, so that a
 * reader of the log can verify the author of each command without trusting the server. Does not own keys or algorithms.
 */
import { Schema } from "effect"
import { type CommandId, Instant, TopicId } from "./Ids.ts"

/** The signed fields besides the command's id; stored with the command's first event. */
export const SignedCommand = Schema.Struct({
  /** The topic that the command was sent to; after a forward, another one decided it. */
  topic: TopicId,
  /** The command: its tag is the message type, its other fields the payload. */
  command: Schema.Json,
  /** The time on the author's clock. */
  timestamp: Instant,
  /** Ed25519, 64 bytes as base64url. */
  signature: Schema.String
})
export type SignedCommand = typeof SignedCommand.Type

/**
 * The signing input of a command (AUT5): a domain separator, then id, type, topic, timestamp and the payload as
 * canonical JSON, each on one line. No field contains a line break, so two commands never share a signing input.
 */
export const signingInput = (
  id: CommandId,
  { command, timestamp, topic }: Pick<SignedCommand, "timestamp" | "topic"> & { readonly command: unknown }
): string => {
  const { _tag, ...payload } = command as { readonly _tag: string }
  return ["choir/command/v1", id, _tag, topic, timestamp, canonicalJson(payload)].join("\n")
}

/** Canonical JSON (RFC 8785): no white space, the keys of each object sorted by UTF-16 units. */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const fields = value as Readonly<Record<string, unknown>>
  const keys = Object.keys(fields).filter((key) => fields[key] !== undefined).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(fields[key])}`).join(",")}}`
}
