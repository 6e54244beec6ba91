/** The data of a user's topic. The rules are in `User`. */
import { Schema } from "effect"
import { Instant, TopicId, UserId } from "../protocol/Ids.ts"

/** An agent that its owner has revoked: attestations that were issued until `at` are void. */
export const RevokedAgent = Schema.Struct({ agent: UserId, at: Instant })
export type RevokedAgent = typeof RevokedAgent.Type

/** The state of a user's topic. */
export const State = Schema.Struct({
  id: TopicId,
  /** The latest revocation of each agent, oldest first; at most `maxRevokedAgents`. */
  revoked_agents: Schema.Array(RevokedAgent),
  /** Every attestation of the user that was issued until then is void, so that older revocations need not be kept. */
  all_revoked_until: Schema.NullOr(Instant),
  /** Grows by one per event. */
  version: Schema.Natural
})
export type State = typeof State.Type

/** The commands of the user. */
export const Command = Schema.TaggedUnion({
  /** Ends the attestations of an agent that were issued until now (AUT8). */
  revoke_agent: { agent: UserId }
})
export type Command = typeof Command.Type

/** The events of a user's topic. */
export const Event = Schema.TaggedUnion({
  AgentRevoked: { agent: UserId, at: Instant }
})
export type Event = typeof Event.Type
