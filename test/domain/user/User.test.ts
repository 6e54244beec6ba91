import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { type Author, CommandId, TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { agentOf, type Principal } from "../../../src/domain/protocol/Principal.ts"
import { step } from "../../../src/domain/topic/Topic.ts"
import * as User from "../../../src/domain/user/User.ts"
import type { State } from "../../../src/domain/user/UserModel.ts"
import { makeAttestation } from "../../support/Attestations.ts"
import { userId } from "../../support/TopicWorld.ts"

const [owner, agent, other] = [userId(0), userId(1), userId(2)]
const initial = User.userKind.initial(User.userTopic(owner))

/** The state after a revocation, or the code and rule of its rejection. */
const revoke = (
  state: State,
  of: UserId,
  now: number,
  author: Author = owner,
  principal?: Principal
): State | string => {
  const context = { id: CommandId.make("c"), author, now, seed: 0, ...(principal === undefined ? {} : { principal }) }
  return Result.match(step(User.userKind, state, { _tag: "revoke_agent", agent: of }, context), {
    onFailure: ({ code, rule }) => `${code} ${rule}`,
    onSuccess: (applied) => "state" in applied ? applied.state : "forwarded"
  })
}

const revoked = (...args: Parameters<typeof revoke>): State => {
  const state = revoke(...args)
  return typeof state === "string" ? assert.fail(state) : state
}

describe("the topic of a user", () => {
  it("[AUT8] only the user revokes their agents: no agent of theirs, nobody else, no server", () => {
    assert.strictEqual(revoke(initial, agent, 5, other), "forbidden AUT8")
    assert.strictEqual(revoke(initial, agent, 5, "system:operator"), "forbidden AUT8")
    assert.strictEqual(revoke(initial, agent, 5, agent, agentOf(makeAttestation(owner, agent))), "forbidden AUT8")
    assert.strictEqual(revoke(User.userKind.initial(TopicId.make("user:alice")), agent, 5), "forbidden AUT8")
    const state = revoked(initial, agent, 5)
    assert.strictEqual(User.revokedAt(state, agent), 5)
    assert.isUndefined(User.revokedAt(state, other))
    assert.isTrue(User.userKind.canRead(state, other))
  })

  it("[AUT8] a later revocation of the same agent replaces the earlier one, and a clock that goes back none", () => {
    const state = revoked(revoked(revoked(initial, agent, 5), other, 9), agent, 7)
    assert.deepStrictEqual(state.revoked_agents, [{ agent: other, at: 9 }, { agent, at: 9 }])
  })

  it("[AUT8][TOP11] revocations are bounded: what is no longer kept one by one is kept for all", () => {
    const keyOf = (n: number) => UserId.make(`${String(n).padStart(42, "x")}A`)
    const agents = Array.from({ length: User.maxRevokedAgents + 2 }, (_, n) => keyOf(n))
    const state = agents.reduce((state, agent, n) => revoked(state, agent, 10 + n), initial)
    assert.strictEqual(state.revoked_agents.length, User.maxRevokedAgents)
    assert.strictEqual(state.all_revoked_until, 11)
    for (const [n, agent] of agents.entries()) assert.isAtLeast(User.revokedAt(state, agent) ?? 0, Math.min(10 + n, 11))
    assert.strictEqual(User.revokedAt(state, keyOf(999)), 11)
  })
})
