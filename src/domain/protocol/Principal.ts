/** Who acts (AUT8): a person, an agent on behalf of its owner, or the server. Every entry of a log has its principal. */
import { Schema } from "effect"
import { type Author, Instant, isUser, SystemId, UserId } from "./Ids.ts"

/**
 * Ids of topics, or their beginnings that end in `*`. They stand in every entry of the agent and cannot be erased, so that
 * they hold nothing but addresses (TOP10).
 */
const TopicPatterns = Schema.Array(
  Schema.String.check(Schema.isBetweenLength(1, 255), Schema.isPattern(/^[a-z0-9]{0,32}(?::[A-Za-z0-9._~/-]*)?\*?$/u))
).check(Schema.isMaxLength(32))
const CommandTags = Schema.Array(Schema.String.check(Schema.isPattern(/^[A-Za-z][A-Za-z0-9_]{0,63}$/u))).check(
  Schema.isMaxLength(32)
)

/** What an agent's owner allows it, signed with the owner's key (AUT8). The rules are in `session/Attestation`. */
export const Attestation = Schema.Struct({
  agent: UserId,
  /** The server that it is valid for; the audience of its sign-in challenges. */
  audience: Schema.String.check(Schema.isMaxLength(300)),
  /** The tokens that the agent may stake of its owner's account; null without a limit of its own. */
  budget: Schema.NullOr(Schema.Natural),
  /** Tags of commands; none stands for all. */
  commands: CommandTags,
  expires_at: Instant,
  /** Revoking an agent ends the attestations that were issued until then. */
  issued_at: Instant,
  owner: UserId,
  signature: Schema.String.check(Schema.isMaxLength(86)),
  /** None stands for all. */
  topics: TopicPatterns
})
export type Attestation = typeof Attestation.Type

/** A person; `key` is the key that they signed in with, if it is a linked device's. */
export const Person = Schema.Struct({ key: Schema.optionalKey(UserId), person: UserId })
/** An agent with a key of its own, which acts for its owner by the attestation. */
export const Agent = Schema.Struct({ agent: UserId, attestation: Attestation, owner: UserId })
export type Agent = typeof Agent.Type
/** The server, or a topic of it. The operator is `system:operator`. */
export const Server = Schema.Struct({ server: SystemId })

/** Who acts. The three cases share no field. */
export const Principal = Schema.Union([Person, Agent, Server])
export type Principal = typeof Principal.Type

/** The author of what a principal does: the person, the agent's key, or the server. */
export const authorOf = (principal: Principal): Author =>
  "person" in principal ? principal.person : "agent" in principal ? principal.agent : principal.server

/** The principal of an author who is no agent: a person with their own key, or the server. */
export const principalOf = (author: Author): Principal => isUser(author) ? { person: author } : { server: author }

/** The principal that an attestation makes of its agent, once it was verified. */
export const agentOf = (attestation: Attestation): Agent => ({
  agent: attestation.agent,
  attestation,
  owner: attestation.owner
})

/** The owner of an agent; undefined for a person and the server. */
export const ownerOf = (principal: Principal | undefined): UserId | undefined =>
  principal !== undefined && "agent" in principal ? principal.owner : undefined
