/**
 * The kind `user`: one topic per person, `user:<key>`, that only this person changes and everyone reads. It says which
 * agents may no longer act for the person (AUT8).
 */
import { type Instant, siblingTopic, TopicId, type UserId } from "../protocol/Ids.ts"
import { ownerOf } from "../protocol/Principal.ts"
import { makeRejection } from "../protocol/Rejection.ts"
import { accept, define, reject } from "../topic/Topic.ts"
import { Faults } from "../topic/Transition.ts"
import * as UserModel from "./UserModel.ts"
import type { Event, State } from "./UserModel.ts"

/** TOP11: revocations that are kept one by one. One more voids all attestations that are as old as the oldest. */
export const maxRevokedAgents = 256

/** The topic of a user, outside tenants. */
export const userTopic = (user: UserId): TopicId => TopicId.make(`user:${user}`)

/** AUT8: when the user last revoked an agent; undefined if never. */
export const revokedAt = ({ all_revoked_until, revoked_agents }: State, agent: UserId): Instant | undefined =>
  revoked_agents.find((revoked) => revoked.agent === agent)?.at ?? all_revoked_until ?? undefined

const evolve = (state: State, { agent, at }: Event): State => {
  const others = state.revoked_agents.filter((revoked) => revoked.agent !== agent)
  const [oldest, ...rest] = others
  const isFull = others.length >= maxRevokedAgents && oldest !== undefined
  return {
    ...state,
    revoked_agents: [...isFull ? rest : others, { agent, at }],
    all_revoked_until: isFull ? Math.max(oldest.at, state.all_revoked_until ?? 0) : state.all_revoked_until,
    version: state.version + 1
  }
}

const onlyTheUser = makeRejection(
  "forbidden",
  "AUT8",
  "only the user themselves changes this topic, no agent of theirs"
)

/** The kind of a user's topic. */
export const userKind = define({
  name: "user",
  State: UserModel.State,
  Command: UserModel.Command,
  Event: UserModel.Event,
  initial: (id): State => ({ id, revoked_agents: [], all_revoked_until: null, version: 0 }),
  decide: (state, input, { author, now, principal }) => {
    if (input._tag !== "revoke_agent") return accept()
    return state.id !== siblingTopic(state.id, "user", author) || ownerOf(principal) !== undefined
      ? reject(onlyTheUser)
      : accept<Event>({ _tag: "AgentRevoked", agent: input.agent, at: Math.max(now, lastRevocation(state)) })
  },
  evolve,
  evolveErased: (state) => ({ ...state, version: state.version + 1 }),
  validate: ({ events, new: next, old }) => {
    const faults = new Faults()
    faults.when(next.id !== old.id, "the user changed")
    faults.when(next.version !== old.version + events.length, "the version does not grow by one per event")
    faults.when(next.revoked_agents.length > maxRevokedAgents, "too many revocations are kept")
    faults.when(
      old.revoked_agents.some(({ agent, at }) => (revokedAt(next, agent) ?? -1) < at) ||
        (next.all_revoked_until ?? -1) < (old.all_revoked_until ?? -1),
      "a revocation was taken back"
    )
    faults.when(
      events.some((event) => revokedAt(next, event.agent) === undefined),
      "an agent was not revoked"
    )
    return faults.found
  }
})

/** Of a clock that went back, so that revocations stay in order. */
const lastRevocation = ({ revoked_agents }: State): Instant => revoked_agents.at(-1)?.at ?? 0
