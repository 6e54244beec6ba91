/**
 * Commands that carry their author's signature (AUT5): its form in the log, so that a reader of the log can verify the
 * author of each command without trusting the server. Does not own keys or algorithms.
 */
import { Schema } from "effect"
import { canonicalJson } from "./CanonicalJson.ts"
import { type CommandId, Instant, TopicId, UserId } from "./Ids.ts"

/** The signed fields besides the command's id; stored with the command's first event. */
export const SignedCommand = Schema.Struct({
  /** The server that the command was sent to: the audience of its challenges. */
  audience: Schema.String,
  /** The command with the seals of its texts: its tag is the message type, its other fields the payload. */
  command: Schema.Json,
  /** For whom an agent acts: its key may have attestations by several owners. Only an agent's command has one (AUT8). */
  owner: Schema.optionalKey(UserId),
  /** Ed25519, 64 bytes as base64url. */
  signature: Schema.String,
  /** The time on the author's clock. */
  timestamp: Instant,
  /** The topic that the command was sent to; after a forward, another one decided it. */
  topic: TopicId
})
export type SignedCommand = typeof SignedCommand.Type

/**
 * The signing input of anything that is signed beside sign-in: a domain tag, what it is, and its fields as canonical JSON,
 * each on one line. No line contains a line break, so two statements never share a signing input.
 */
export const statementSigningInput = (type: string, fields: object): string =>
  `choir/statement/1\n${type}\n${canonicalJson(fields)}`

/** The signing input of a command (AUT5). Texts are signed as their seals, so that a signature outlives them (TOP10). */
export const signingInput = (
  id: CommandId,
  { audience, command, owner, timestamp, topic }:
    & Omit<SignedCommand, "command" | "owner" | "signature">
    & { readonly command: unknown; readonly owner?: UserId | undefined }
): string => statementSigningInput("command", { audience, command, id, owner, timestamp, topic })
