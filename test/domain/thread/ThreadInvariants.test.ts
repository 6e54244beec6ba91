/** Whatever a wrong rule would do to a thread is refused, with exactly the faults that it has. */
import { assert, describe, it } from "@effect/vitest"
import * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import type { UserId } from "../../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import type { CommandInput, Message, State } from "../../../src/domain/thread/ThreadModel.ts"
import { changeLast, type PlantedFault, refusedFaults, type Situation } from "../../support/InvalidChange.ts"
import { makeOutput, usage } from "../../support/RunFixture.ts"
import { inputOf, sealed, sealedOutput } from "../../support/SealedFixture.ts"
import { commandId, topicId, type TopicWorld, userId } from "../../support/TopicWorld.ts"
import {
  alice,
  bob,
  carol,
  closeThread,
  dave,
  deliverPending,
  sendCommand,
  stateOf,
  submissionWorld,
  submitMessage,
  submitPrompt,
  threadId,
  voteOn
} from "./ThreadFixture.ts"

const accepted = (outcome: string) => assert.strictEqual(outcome, "ok")
const situation = (world: TopicWorld, author: UserId, input: CommandInput): Situation<State> => ({
  state: stateOf(world),
  author,
  input: inputOf(threadKind, input)
})

/** Bob is a co-author; a submission of Carol's, an invitation of Dave and a run of Alice's are open. */
const busyWorld = () => {
  const world = submissionWorld(bob, carol)
  accepted(sendCommand(world, alice, { _tag: "invite_co_author", user: dave }, "gate"))
  accepted(sendCommand(world, alice, submitPrompt, "p"))
  return world
}
/** Alice has approved Carol's submission, and Dave's invitation awaits Bob. */
const votedWorld = () => {
  const world = busyWorld()
  accepted(sendCommand(world, alice, voteOn("s1", "approve")))
  return world
}
/** Carol's submission was denied, and the ledger has not settled it yet. */
const owingWorld = () => {
  const world = votedWorld()
  accepted(sendCommand(world, bob, voteOn("s1", "deny")))
  return world
}
/** Alice has closed her thread while a submission was open; the ledger has not answered. */
const closedWorld = () => {
  const world = submissionWorld(bob)
  accepted(sendCommand(world, alice, closeThread))
  return world
}
/** The thread has tokens and two co-authors. */
const wealthyWorld = () => {
  const world = submissionWorld(bob, carol)
  for (const voter of [alice, bob]) accepted(sendCommand(world, voter, voteOn("s1", "deny")))
  return deliverPending(world)
}

const ledgerAnswer = (world: TopicWorld): Situation<State> => {
  const [request] = stateOf(world).ledger_requests
  return {
    state: stateOf(world),
    author: "system:host",
    input: { _tag: "CommandOutcome", id: request?.id, rejection: null }
  }
}
const inRun = (change: Partial<State["runs"][number]>): Situation<State> => {
  const { publish } = situations
  return { ...publish, state: { ...publish.state, runs: changeLast(publish.state.runs, change) } }
}

const step = { loop: 0, step: "action", output: sealedOutput(makeOutput("action", 0)), usage, at: 1 } as const

const situations = {
  create: {
    state: threadKind.initial(threadId),
    author: alice,
    input: { _tag: "create_thread", name: sealed("T") }
  },
  publish: situation(busyWorld(), alice, submitMessage("more")),
  offer: {
    state: stateOf(busyWorld()),
    author: LedgerModel.authorOfLedger(LedgerModel.mainLedger),
    input: { _tag: "SubmissionOffered", id: commandId("s2"), author: dave, content: sealed("too"), stake: 1_000 }
  },
  vote: situation(busyWorld(), alice, voteOn("s1", "approve")),
  approve: situation(votedWorld(), bob, voteOn("s1", "approve")),
  invite: situation(busyWorld(), alice, { _tag: "invite_co_author", user: userId(4) }),
  pass: situation(busyWorld(), bob, voteOn("gate", "approve")),
  divest: situation(wealthyWorld(), bob, { _tag: "divest" }),
  prompt: situation(busyWorld(), alice, { ...submitPrompt, sibling_of: commandId("p") } as CommandInput),
  owing: situation(owingWorld(), alice, submitMessage("more")),
  answered: ledgerAnswer(owingWorld()),
  close: situation(submissionWorld(bob), alice, closeThread),
  closed: ledgerAnswer(closedWorld())
} satisfies Record<string, Situation<State>>

type Case = readonly [faults: string, name: keyof typeof situations | Situation<State>, spoil: PlantedFault<State>]

const editLast = (change: Partial<Message>): PlantedFault<State> => (next) => ({
  ...next,
  messages: changeLast(next.messages, change)
})
const editSubmission = (n: number, change: Partial<State["submissions"][number]>): PlantedFault<State> => (next) => ({
  ...next,
  submissions: next.submissions.with(n, { ...next.submissions[n]!, ...change })
})
const editVotes = (
  edit: (votes: State["submissions"][number]["votes"]) => State["submissions"][number]["votes"]
): PlantedFault<State> =>
(next, old) => editSubmission(1, { votes: edit(next.submissions[1]!.votes) })(next, old)
const editGate = (change: Partial<State["gates"][number]>): PlantedFault<State> => (next) => ({
  ...next,
  gates: changeLast(next.gates, change)
})
const editRun = (change: Partial<State["runs"][number]>): PlantedFault<State> => (next) => ({
  ...next,
  runs: changeLast(next.runs, change)
})
const cause: LedgerModel.Cause = { _tag: "Payment" }
const request = LedgerModel.ledgerRequest(threadId, commandId("x"), { _tag: "Grant", user: alice })
const withField =
  <K extends keyof State>(name: K, value: (next: State, old: State) => State[K]): PlantedFault<State> =>
  (
    next,
    old
  ) => ({
    ...next,
    [name]: value(next, old)
  })
/** The field stays as it was. */
const ignoring = (...names: ReadonlyArray<keyof State>): PlantedFault<State> => (next, old) => ({
  ...next,
  ...Object.fromEntries(names.map((name) => [name, old[name]]))
})

const threadCases: ReadonlyArray<Case> = [
  ["the thread does not exist", "publish", withField("status", () => "absent")],
  ["the thread does not exist", "create", withField("status", () => "absent")],
  ["the version does not grow by one per event", "publish", withField("version", ({ version }) => version + 1)],
  ["the version does not grow by one per event", "close", ignoring("version")],
  ...([["title", sealed("x")], ["visibility", "members"], ["require_signatures", true], ["created_at", 7], [
    "id",
    topicId("thread:u")
  ]] as const).map(([name, value]): Case => [
    `the thread's id, title, visibility or creation changed${name === "id" ? "; a message is of another thread" : ""}`,
    name === "id" ? "publish" : "vote",
    withField(name, () => value)
  ]),
  ["a closed thread was opened again", "closed", withField("status", () => "active")],
  [
    "a closed thread received more; a message was not published",
    "closed",
    withField("messages", ({ messages }) => [...messages, ...situations.publish.state.messages])
  ],
  [
    "nobody closed the thread; the thread was closed with several co-authors; " +
    "the thread was closed with open submissions, invitations or runs",
    "publish",
    withField("status", () => "closed")
  ],
  [
    "the thread was closed with open submissions, invitations or runs; a submission has not ended as settled; " +
    "a settlement is of no submission that ended",
    "close",
    ignoring("submissions")
  ]
]

const coAuthorCases: ReadonlyArray<Case> = [
  ["no co-author; a co-author is missing who did not leave", "publish", withField("co_authors", () => [])],
  ["no co-author; a co-author is missing who did not leave", "create", withField("co_authors", () => [])],
  ["a co-author is there twice", "publish", withField("co_authors", ({ co_authors }) => [...co_authors, alice])],
  [
    "a co-author was not approved, or has left",
    "publish",
    withField("co_authors", ({ co_authors }) => [...co_authors, dave])
  ],
  [
    "a co-author is missing who did not leave",
    "publish",
    withField("co_authors", ({ co_authors }) => co_authors.slice(1))
  ],
  ["a co-author is missing who did not leave", "approve", ignoring("co_authors")],
  ["a co-author is missing who did not leave", "pass", ignoring("co_authors")],
  ["a co-author was not approved, or has left", "divest", ignoring("co_authors")]
]

const messageCases: ReadonlyArray<Case> = [
  [
    "a published message changed or was removed",
    "publish",
    withField("messages", ({ messages }) => messages.with(0, { ...messages[0]!, content: sealed("edited") }))
  ],
  [
    "a published message changed or was removed; a message is missing",
    "publish",
    withField("messages", ({ messages }) => messages.slice(1))
  ],
  ["a message is missing", "publish", ignoring("messages")],
  ["a message was not published", "publish", withField("messages", ({ messages }) => [...messages, messages.at(-1)!])],
  ["a message was not published", "vote", withField("messages", ({ messages }) => [...messages, messages[0]!])],
  ["a message is of another thread", "publish", editLast({ thread: topicId("thread:u") })],
  ["a message is not what its author published", "publish", editLast({ content: sealed("edited") })],
  ["a message is not what its author published", "publish", editLast({ source: sealed("elsewhere") })],
  [
    "a message is not what its author published; a message was published by a user who is no co-author",
    "publish",
    editLast({ author: carol })
  ],
  ["a message claims an approval", "publish", editLast({ approvals: [bob] })],
  ["a message claims an approval", "publish", editLast({ status: "approved" })],
  ["an approved message does not carry its approvals", "approve", editLast({ approvals: [alice] })],
  ["an approved message does not carry its approvals", "approve", editLast({ approvals: [bob, alice] })],
  ["an approved message does not carry its approvals", "approve", editLast({ status: "published" })],
  ["an approved message is not what was submitted", "approve", editLast({ content: sealed("edited") })],
  ["an approved message is not what was submitted", "approve", editLast({ author: dave })],
  ["a message is missing; an approved submission is no message", "approve", ignoring("messages")],
  [
    "an approved message has no approved submission; a submission ended without its settlement; " +
    "a submission has not ended as settled",
    "approve",
    editSubmission(1, { status: "rejected" })
  ]
]

const voteCases: ReadonlyArray<Case> = [
  ["a settled submission changed", "publish", editSubmission(0, { content: sealed("edited") })],
  ["a settled submission changed", "publish", editSubmission(0, { status: "pending" })],
  ...[{ author: dave }, { content: sealed("x") }, { stake: 2_000 }, { submitted_at: 1 }, { expires_at: 1 }].map((
    change
  ): Case => ["an open submission changed", "publish", editSubmission(1, change)]),
  ["a submission was removed or moved", "publish", withField("submissions", ({ submissions }) => submissions.slice(1))],
  ["a submission was removed or moved", "publish", withField("submissions", (next) => next.submissions.toReversed())],
  ["a submission ended without its settlement", "publish", editSubmission(1, { status: "rejected" })],
  [
    "a submission is not what its author submitted",
    "publish",
    withField("submissions", ({ submissions }) => [...submissions, { ...submissions[1]!, id: commandId("s2") }])
  ],
  ["a submission is missing", "offer", ignoring("submissions")],
  ["a new submission has votes", "offer", editSubmission(2, { votes: [{ voter: bob, choice: "deny", at: 1 }] })],
  ["a submission has a voter who is no co-author", "offer", editSubmission(2, { voters: [alice, carol] })],
  [
    "a submission is not what its author submitted; a submission has a voter who is no co-author",
    "offer",
    editSubmission(2, { author: alice })
  ],
  ["a vote is missing", "vote", ignoring("submissions")],
  ["a vote changed or was removed", situation(votedWorld(), alice, submitMessage("more")), editVotes(() => [])],
  ["a user voted twice", "vote", editVotes((votes) => [...votes, ...votes])],
  [
    "a user voted who is no voter",
    "publish",
    editSubmission(1, { votes: [{ voter: dave, choice: "approve", at: 1 }] })
  ],
  ["a voter was added", "publish", editSubmission(1, { voters: [alice, bob, dave] })],
  ["a voter was removed who did not leave, or has voted", "publish", editSubmission(1, { voters: [alice] })],
  ["an invitation is missing", "invite", ignoring("gates")],
  ["an invitation was removed without an outcome", "publish", withField("gates", () => [])],
  ["an open invitation changed", "publish", editGate({ by: bob })],
  ["an open invitation changed", "publish", editGate({ action: { _tag: "Invite", user: carol } })],
  ["a new invitation has votes", "invite", editGate({ votes: [{ voter: bob, choice: "approve", at: 1 }] })],
  ["an invitation is by or for users who are no co-authors", "invite", editGate({ voters: [carol] })],
  ["an invitation is by or for users who are no co-authors", "invite", editGate({ voters: [alice] })],
  [
    "too many invitations are open; an invitation was not opened",
    "publish",
    withField("gates", ({ gates }) => [
      ...gates,
      ...Array.from({ length: 16 }, (_, n) => ({ ...gates[0]!, id: commandId(`g${n}`) }))
    ])
  ]
]

const tokenCases: ReadonlyArray<Case> = [
  [
    "the token balance is negative; the token balance is not what was moved",
    "publish",
    withField("token_balance", () => -1)
  ],
  [
    "the token balance is out of range; the token balance is not what was moved",
    "publish",
    withField("token_balance", () => 2 ** 53)
  ],
  ["the token balance is not what was moved", "publish", withField("token_balance", () => 1)],
  ["the token balance is not what was moved", "divest", ignoring("token_balance")],
  ["the token balance is not what was moved", "answered", withField("token_balance", (next) => next.token_balance + 1)],
  [
    "the token balance is not what was moved; a request to the ledger is missing",
    "divest",
    ignoring("ledger_requests")
  ],
  ["a request to the ledger is missing", "approve", ignoring("ledger_requests")],
  ["a request to the ledger is answered and still there", "answered", ignoring("ledger_requests")],
  [
    "a request to the ledger has no cause",
    "publish",
    withField("ledger_requests", ({ ledger_requests }) => [...ledger_requests, request])
  ],
  [
    "a request to the ledger changed",
    "owing",
    withField("ledger_requests", ({ ledger_requests }) => ledger_requests.map((one) => ({ ...one })))
  ],
  ["a request to the ledger was removed without an answer", "owing", withField("ledger_requests", () => [])],
  [
    "the shares of a settlement do not add up to its stake",
    "approve",
    withField(
      "ledger_requests",
      ({ ledger_requests }) =>
        ledger_requests.map((one) =>
          LedgerModel.ledgerRequest(threadId, one.id, {
            _tag: "Settle",
            stake: commandId("s1"),
            shares: [{ to: "treasury", amount: 999 }],
            cause
          })
        )
    )
  ],
  [
    "a settlement is of no submission that ended",
    "approve",
    withField(
      "ledger_requests",
      ({ ledger_requests }) =>
        ledger_requests.map((one) =>
          LedgerModel.ledgerRequest(threadId, one.id, { _tag: "Settle", stake: commandId("s0"), shares: [], cause })
        )
    )
  ]
]

const runCases: ReadonlyArray<Case> = [
  ["a run is missing", "prompt", ignoring("runs")],
  ["a run is missing; a run was removed or moved", "publish", withField("runs", () => [])],
  ["a run is not of a prompt as it was submitted", "prompt", editRun({ prompt: sealed("why not?") })],
  [
    "a run is not of a prompt as it was submitted; a prompt is by a user who is no co-author",
    "prompt",
    editRun({ asker: carol })
  ],
  ["a run is of another thread", "prompt", editRun({ thread_id: topicId("thread:u") })],
  [
    "a run answers a prompt again that is not in the thread",
    "prompt",
    editRun({ sibling_of: commandId("nothing") })
  ],
  ["more than one active run", "prompt", editRun({ status: "running" })],
  ["a prompt changed", "publish", editRun({ prompt: sealed("edited") })],
  ["a finished run changed", inRun({ status: "failed", ended_at: 1 }), editRun({ status: "running" })],
  ["a finished run changed", inRun({ status: "cancelled", ended_at: 1 }), editRun({ ended_at: 2 })],
  [
    "a finished run changed",
    inRun({ status: "cancelled", ended_at: 1, partial: sealed("so far") }),
    editRun({ partial: sealed("more") })
  ],
  ["a completed step changed", inRun({ steps: [step] }), editRun({ steps: [] })]
]

describe("ThreadInvariants", () => {
  it("[THR8] valid changes pass", () => {
    for (const one of Object.values(situations)) {
      assert.deepStrictEqual(refusedFaults(threadKind, one, (next) => next), [])
    }
    const cancelled = inRun({ status: "cancelled", ended_at: 1 })
    assert.deepStrictEqual(refusedFaults(threadKind, cancelled, editRun({ partial: sealed("so far") })), [])
  })

  it.each([...threadCases, ...coAuthorCases, ...messageCases, ...voteCases, ...tokenCases, ...runCases])(
    "[THR8] nothing is stored: %s",
    (faults, name, spoil) => {
      const one = typeof name === "string" ? situations[name] : name
      assert.deepStrictEqual(refusedFaults(threadKind, one, spoil), faults.split("; "))
    }
  )
})
