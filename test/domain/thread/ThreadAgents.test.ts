import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { UserId } from "../../../src/domain/protocol/Ids.ts"
import { agentOf, type Principal, principalOf } from "../../../src/domain/protocol/Principal.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import { ownerIn } from "../../../src/domain/thread/ThreadAgents.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import { makeAttestation } from "../../support/Attestations.ts"
import { applyCommand, commandId, makeTopicWorld, type TopicWorld, userId } from "../../support/TopicWorld.ts"
import {
  alice,
  bob,
  carol,
  createThread,
  dave,
  deliverPending,
  sendCommand,
  stateOf,
  submissionAt,
  submitMessage,
  submitPrompt,
  threadId,
  threadWorld,
  userBalance,
  voteOn
} from "./ThreadFixture.ts"

const [robot, second] = [userId(7), userId(8)]
let count = 0

/** Applies a command of an agent. Returns `ok`, or the code and rule of its rejection. */
const sendAs = (world: TopicWorld, agent: UserId, owner: UserId, command: ThreadModel.CommandInput, id?: string) => {
  const principal = agentOf(makeAttestation(owner, agent))
  const rejection = applyCommand(world, threadId, commandId(id ?? `agent${count++}`), agent, command, principal)
  return rejection === undefined ? "ok" : `${rejection.code} ${rejection.rule}`
}

/** Makes `invitee` a co-author: everybody agrees. */
const join = (world: TopicWorld, invitee: UserId) => {
  const id = `join${count++}`
  assert.strictEqual(sendCommand(world, alice, { _tag: "invite_co_author", user: invitee }, id), "ok")
  for (const voter of stateOf(world).gates[0]?.voters ?? []) {
    const owner = ownerIn(stateOf(world), voter)
    if (owner === undefined) sendCommand(world, voter, voteOn(id, "approve"))
    else sendAs(world, voter, owner, voteOn(id, "approve"))
  }
  assert.include(stateOf(world).co_authors, invitee)
}

/** A thread of Alice with an agent of `owner` as co-author, by an approved submission. */
const withAgent = (owner: UserId, world = threadWorld()) => {
  assert.strictEqual(sendAs(world, robot, owner, submitMessage("by a robot"), "robot"), "ok")
  deliverPending(world)
  for (const voter of submissionAt(world)?.voters ?? []) {
    assert.strictEqual(sendCommand(world, voter, voteOn("robot", "approve")), "ok")
  }
  deliverPending(world)
  assert.include(stateOf(world).co_authors, robot)
  return world
}

describe("agents in a thread", () => {
  it("[AUT8] a submission of an agent is staked and settled for its owner, and names both", () => {
    const world = threadWorld()
    assert.strictEqual(sendAs(world, robot, bob, submitMessage("by a robot", { stake: 3_000 }), "s"), "ok")
    deliverPending(world)
    assert.deepInclude(submissionAt(world), { author: robot, owner: bob, voters: [alice] })
    assert.deepStrictEqual([userBalance(world, bob), userBalance(world, robot)], [7_000, 10_000])
    assert.strictEqual(sendCommand(world, bob, { _tag: "cancel_submission", message_id: commandId("s") }), "ok")
    deliverPending(world)
    assert.strictEqual(userBalance(world, bob), 10_000)
    withAgent(bob, world)
    assert.deepInclude(stateOf(world).messages[0], { author: robot, owner: bob })
    assert.deepStrictEqual(stateOf(world).agents, [{ agent: robot, owner: bob }])
  })

  it("[AUT8] [TOP10] the owner erases what an agent of theirs has submitted, as the agent does; others do not", () => {
    const world = threadWorld()
    assert.strictEqual(sendAs(world, robot, bob, submitMessage("by a robot"), "s"), "ok")
    deliverPending(world)
    const { author, content, expires_at, id, owner, seq, stake, submitted_at: at, voters } = submissionAt(world)!
    const event = { _tag: "SubmissionOpened", id, author, owner, content, stake, voters, at, expires_at }
    // The ledger's offer has caused the event.
    const past = new Map([[seq, { principal: principalOf("system:topic/ledger:0"), event }]])
    const erasedBy = (user: UserId, principal: Principal = principalOf(user)) => {
      const context = { id: commandId("e"), author: user, principal, now: world.now, seed: 1, past }
      return Result.isSuccess(threadKind.decide(stateOf(world), { _tag: "erase", seq }, context))
    }
    assert.deepStrictEqual([bob, alice, second].map((user) => erasedBy(user)), [true, false, false])
    assert.isTrue(erasedBy(robot, agentOf(makeAttestation(bob, robot))))
    assert.isFalse(erasedBy(robot))
  })

  it("[AUT8] [THR7] an owner makes their agent leave: what waited for its vote is decided, and its share is the owner's", () => {
    const world = withAgent(bob)
    const leave = { _tag: "divest", agent: robot } as const
    assert.strictEqual(sendCommand(world, carol, submitMessage("by Carol"), "s"), "ok")
    deliverPending(world)
    assert.strictEqual(sendCommand(world, alice, voteOn("s", "approve")), "ok")
    assert.strictEqual(submissionAt(world, 1)?.status, "pending")
    for (const other of [alice, carol]) assert.strictEqual(sendCommand(world, other, leave), "forbidden AUT8")
    assert.strictEqual(sendAs(world, robot, bob, leave), "forbidden AUT8")
    const share = Math.floor(stateOf(world).token_balance / 2)
    const before = userBalance(world, bob)
    assert.strictEqual(sendCommand(world, bob, leave), "ok")
    deliverPending(world)
    assert.notInclude(stateOf(world).co_authors, robot)
    assert.strictEqual(submissionAt(world, 1)?.status, "approved")
    assert.strictEqual(userBalance(world, bob), before + share)
    assert.strictEqual(sendCommand(world, bob, leave), "forbidden THR7")
  })

  it("[AUT8] messages, prompts and threads of agents name the owner; those of persons have no such field", () => {
    const world = withAgent(bob)
    assert.strictEqual(sendAs(world, robot, bob, submitMessage("again")), "ok")
    assert.strictEqual(sendAs(world, robot, bob, submitPrompt), "ok")
    assert.strictEqual(sendCommand(world, alice, submitMessage("by a person")), "ok")
    const { messages, runs } = stateOf(world)
    assert.deepStrictEqual(messages.map(({ owner }) => owner), [bob, bob, undefined])
    assert.notProperty(messages[2], "owner")
    assert.deepInclude(runs[0], { asker: robot, owner: bob })
  })

  it("[AUT8] an agent votes where its owner is no voter, and its share is its owner's", () => {
    const world = withAgent(bob)
    sendCommand(world, dave, submitMessage("by Dave", { stake: 2_000 }), "d")
    deliverPending(world)
    assert.deepStrictEqual(submissionAt(world, 1)?.voters, [alice, robot])
    assert.strictEqual(sendAs(world, robot, bob, voteOn("d", "approve")), "ok")
    assert.strictEqual(sendCommand(world, alice, voteOn("d", "approve")), "ok")
    const before = userBalance(world, bob)
    deliverPending(world)
    assert.deepStrictEqual([userBalance(world, bob) - before, userBalance(world, robot)], [1_000, 10_000])
  })

  it("[AUT8] an agent has no vote beside its owner, nor beside another agent of its owner", () => {
    const world = withAgent(bob)
    join(world, bob)
    sendCommand(world, dave, submitMessage("by Dave"), "d")
    sendCommand(world, alice, { _tag: "invite_co_author", user: carol }, "c")
    deliverPending(world)
    assert.deepStrictEqual(submissionAt(world, 1)?.voters, [alice, bob])
    assert.deepStrictEqual(stateOf(world).gates[0]?.voters, [bob])
    for (const id of ["d", "c"]) assert.strictEqual(sendAs(world, robot, bob, voteOn(id, "deny")), "forbidden AUT8")
    // A voter who turns out to be an agent of another voter.
    assert.strictEqual(sendAs(world, alice, bob, voteOn("d", "approve")), "forbidden AUT8")
    assert.strictEqual(submissionAt(world, 1)?.votes.length, 0)

    const twins = withAgent(dave)
    sendAs(twins, second, dave, submitMessage("by a second robot"), "second")
    deliverPending(twins)
    assert.deepStrictEqual(submissionAt(twins, 1)?.voters, [alice])
    sendCommand(twins, alice, voteOn("second", "approve"))
    sendCommand(twins, carol, submitMessage("by Carol"), "by-carol")
    deliverPending(twins)
    assert.deepStrictEqual(submissionAt(twins, 2)?.voters, [alice, robot])
    assert.strictEqual(sendAs(twins, second, dave, voteOn("by-carol", "deny")), "forbidden THR3")
  })

  it("[AUT8] an agent never votes on what it or its owner proposed; the owner votes on what an agent proposed", () => {
    const world = withAgent(bob)
    sendCommand(world, bob, submitMessage("by Bob"), "b")
    deliverPending(world)
    assert.deepStrictEqual(submissionAt(world, 1)?.voters, [alice])
    assert.strictEqual(sendAs(world, robot, bob, voteOn("b", "approve")), "forbidden AUT8")
    sendCommand(world, alice, voteOn("b", "approve"))
    deliverPending(world)

    assert.strictEqual(sendCommand(world, bob, { _tag: "invite_co_author", user: carol }, "by-bob"), "ok")
    assert.deepStrictEqual(stateOf(world).gates[0]?.voters, [alice])
    assert.strictEqual(sendAs(world, robot, bob, voteOn("by-bob", "approve")), "forbidden AUT8")
    assert.strictEqual(sendAs(world, robot, bob, { _tag: "invite_co_author", user: dave }, "by-robot"), "ok")
    assert.deepStrictEqual(stateOf(world).gates[1]?.voters, [alice, bob])
    assert.strictEqual(sendAs(world, robot, bob, voteOn("by-robot", "approve")), "forbidden AUT8")
    sendAs(world, second, bob, submitMessage("by another robot"), "s")
    deliverPending(world)
    assert.deepStrictEqual(submissionAt(world, 2)?.voters, [alice, bob])
  })

  it("[AUT8] who alone could vote are the author's own agents: the submission is a message at once, the stake returned", () => {
    const world = makeTopicWorld()
    assert.strictEqual(sendAs(world, robot, bob, createThread), "ok")
    assert.deepStrictEqual(stateOf(world).agents, [{ agent: robot, owner: bob }])
    sendCommand(world, bob, submitMessage("by the owner"))
    deliverPending(world)
    assert.deepStrictEqual(stateOf(world).co_authors, [robot, bob])
    assert.strictEqual(userBalance(world, bob), 10_000)
  })

  it("[AUT8] a key that has acted for an owner acts for this one only: neither as a person, nor for somebody else", () => {
    const world = withAgent(bob)
    const { version } = stateOf(world)
    const commands = [submitMessage("as a person"), submitPrompt, { _tag: "divest" } as const]
    for (const command of commands) {
      assert.strictEqual(sendCommand(world, robot, command), "forbidden AUT8")
      assert.strictEqual(sendAs(world, robot, carol, command), "forbidden AUT8")
    }
    assert.strictEqual(stateOf(world).version, version)
    // Two submissions for two owners are offered before the thread knows either.
    sendAs(world, second, bob, submitMessage("for Bob"), "for-bob")
    sendAs(world, second, carol, submitMessage("for Carol"), "for-carol")
    deliverPending(world)
    assert.deepStrictEqual(stateOf(world).submissions.map(({ id }) => id), ["robot", "for-bob"])
    assert.deepStrictEqual([userBalance(world, bob), userBalance(world, carol)], [8_000, 10_000])
  })

  it("[AUT8] an agent has no agents, whichever of them acts first: one person has one vote", () => {
    const third = userId(9)
    const bobsRobot = withAgent(bob)
    const agentsFirst = threadWorld()
    assert.strictEqual(sendAs(agentsFirst, second, robot, submitMessage("for a robot"), "s"), "ok")
    deliverPending(agentsFirst)
    const refused = [[bobsRobot, second, robot], [agentsFirst, robot, bob]] as const
    for (const [world, agent, owner] of refused) {
      const { submissions, version } = stateOf(world)
      for (const command of [submitMessage("again"), voteOn(submissions[0]!.id, "approve"), submitPrompt]) {
        assert.strictEqual(sendAs(world, agent, owner, command), "forbidden AUT8")
      }
      assert.strictEqual(stateOf(world).version, version)
      assert.strictEqual(sendAs(world, third, carol, submitMessage("by a person's")), "ok")
    }
  })

  it("[AUT8][THR7] what an agent takes with it when it leaves, or when its thread is closed, is its owner's", () => {
    const world = makeTopicWorld()
    sendAs(world, robot, bob, createThread)
    sendCommand(world, dave, submitMessage("spam", { stake: 2_000 }), "spam")
    deliverPending(world)
    sendAs(world, robot, bob, voteOn("spam", "deny"))
    deliverPending(world)
    assert.strictEqual(stateOf(world).token_balance, 2_000)
    sendAs(world, robot, bob, { _tag: "invite_co_author", user: alice })
    assert.strictEqual(sendAs(world, robot, bob, { _tag: "divest" }), "ok")
    deliverPending(world)
    assert.deepStrictEqual([userBalance(world, bob), userBalance(world, robot)], [11_000, 10_000])
    assert.strictEqual(sendCommand(world, alice, { _tag: "close_thread" }), "ok")
  })
})
