/**
 * Commands that carry their author's own signature (AUT5): the text that is
 * signed, and what is kept of it in the log, so that anybody can check later
 * who asked for what, whatever the server says.
 */
import { Schema } from "effect"
import { type CommandId, Instant, TopicId } from "./Ids.ts"

/** What was signed besides the command's id, as it is kept with the first event that came of it. */
export const SignedCommand = Schema.Struct({
  /** The topic that was asked, which need not be the one that decided. */
  topic: TopicId,
  /** The command with its tag; its tag is the type, the rest the payload. */
  command: Schema.Json,
  /** The author's own clock. */
  timestamp: Instant,
  /** Ed25519, 64 bytes as base64url. */
  signature: Schema.String
})
export type SignedCommand = typeof SignedCommand.Type

/**
 * The text under a command's signature: a line that no other use of the key shares, then id, type, topic and timestamp
 * on lines of their own, then the payload as `canonical` JSON.
 */
export const signingInput = (
  id: CommandId,
  { command, timestamp, topic }: Pick<SignedCommand, "timestamp" | "topic"> & { readonly command: unknown }
): string => {
  const { _tag, ...payload } = command as { readonly _tag: string }
  return ["choir/command/v1", id, _tag, topic, timestamp, canonicalJson(payload)].join("\n")
}

/** JSON without blanks, the keys of every object in the order of their UTF-16 units (RFC 8785). */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const fields = value as Readonly<Record<string, unknown>>
  const keys = Object.keys(fields).filter((key) => fields[key] !== undefined).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(fields[key])}`).join(",")}}`
}
