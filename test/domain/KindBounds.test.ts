/** The bounds that are constants of a kind or of a text, at their edge: one less, the bound itself, one more. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { type ErrorState, steps } from "../../src/domain/chorus/ChorusModel.ts"
import * as ChorusRun from "../../src/domain/chorus/ChorusRun.ts"
import { mainLedger } from "../../src/domain/ledger/LedgerModel.ts"
import * as Room from "../../src/domain/room/Room.ts"
import * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { addFailure, asidePolicy, type AsideTexts } from "../../src/domain/search/AsideTexts.ts"
import * as Storage from "../../src/domain/search/Storage.ts"
import * as StorageModel from "../../src/domain/search/StorageModel.ts"
import { threadLimits } from "../../src/domain/thread/ThreadGuards.ts"
import type * as ThreadModel from "../../src/domain/thread/ThreadModel.ts"
import { maxContentBytes, validateContent } from "../../src/domain/topic/MessageContent.ts"
import { makePoint, pointId } from "../support/PointFixture.ts"
import { makeRunAt, sealedRun, usage } from "../support/RunFixture.ts"
import { inputOf, sealed, sealedOutput } from "../support/SealedFixture.ts"
import {
  advanceTime,
  applyCommand,
  commandId,
  deliverAll,
  getTopic,
  makeTopicWorld,
  topicId,
  userId
} from "../support/TopicWorld.ts"
import {
  alice,
  bob,
  carol,
  sendCommand,
  stateOf,
  submitMessage,
  submitPrompt,
  threadId,
  threadWorld
} from "./thread/ThreadFixture.ts"

/** A bound: its value, whether that is still allowed, and whether so much is. */
type Bound = readonly [bound: number, last: "included" | "excluded", allows: (amount: number) => boolean]

const lobby = Room.roomKind.initial(topicId("room:lobby"))
const lobbyWith = (change: Partial<RoomModel.State>): RoomModel.State => ({ ...lobby, members: [alice], ...change })
const roomAccepts = (state: RoomModel.State, command: RoomModel.CommandInput, author = alice) =>
  Result.isSuccess(
    Room.roomKind.decide(state, inputOf(Room.roomKind, command), { id: commandId("c"), author, now: 0, seed: 0 })
  )
const times = <A>(count: number, make: (n: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, n) => make(n))
/** A JSON text of so many bytes. */
const jsonOf = (bytes: number) => "x".repeat(bytes - 2)

const rooms: Record<string, Bound> = {
  "[ROO1] members": [
    RoomModel.roomLimits.maxMembers,
    "included",
    (count) => roomAccepts(lobbyWith({ members: times(count - 1, () => bob) }), { _tag: "join_room" })
  ],
  "[ROO4] entries": [RoomModel.roomLimits.maxEntries, "included", (count) =>
    roomAccepts(
      lobbyWith({
        entries: times(
          count - 1,
          (n) => ({ key: `${n}`, seq: 1, value: sealed("1"), by: alice, at: 0, expires_at: null })
        )
      }),
      { _tag: "set_entry", key: "new", value: 1 }
    )],
  "[ROO4] scheduled events": [RoomModel.roomLimits.maxScheduledEvents, "included", (count) =>
    roomAccepts(
      lobbyWith({
        scheduled: times(count - 1, (n) => ({
          id: commandId(`e${n}`),
          seq: 1,
          event_type: "ring",
          payload: sealed("1"),
          by: alice,
          due_at: 1
        }))
      }),
      { _tag: "schedule_event", event_type: "ring", payload: 1, delay_ms: 1 }
    )],
  "[TOP11] bytes of a message": [
    RoomModel.roomLimits.maxValueBytes,
    "included",
    (bytes) => roomAccepts(lobbyWith({}), { _tag: "send_message", content: jsonOf(bytes) })
  ],
  "[TOP11] bytes of an entry": [
    RoomModel.roomLimits.maxValueBytes,
    "included",
    (bytes) => roomAccepts(lobbyWith({}), { _tag: "set_entry", key: "k", value: jsonOf(bytes) })
  ],
  "[TOP11] bytes of an event": [
    RoomModel.roomLimits.maxValueBytes,
    "included",
    (bytes) =>
      roomAccepts(lobbyWith({}), { _tag: "schedule_event", event_type: "ring", payload: jsonOf(bytes), delay_ms: 1 })
  ],
  "[ROO4] the TTL of an entry": [
    RoomModel.roomLimits.maxDelayMillis,
    "included",
    (ttl_ms) => roomAccepts(lobbyWith({}), { _tag: "set_entry", key: "k", value: 1, ttl_ms })
  ],
  "[ROO4] the delay of an event": [
    RoomModel.roomLimits.maxDelayMillis,
    "included",
    (delay_ms) => roomAccepts(lobbyWith({}), { _tag: "schedule_event", event_type: "ring", payload: 1, delay_ms })
  ]
}

const threads: Record<string, Bound> = {
  // One more runs.
  "[CHO9] queued prompts": [threadLimits.maxQueuedPrompts, "included", (count) => {
    const world = threadWorld()
    return times(count + 1, (n) => sendCommand(world, alice, submitPrompt, `p${n}`)).at(-1) === "ok"
  }],
  "[THR9] open invitations": [threadLimits.maxPendingApprovals, "included", (count) => {
    const world = threadWorld()
    sendCommand(world, alice, { _tag: "invite_co_author", user: bob })
    const gate = {
      action: { _tag: "Invite", user: carol },
      by: alice,
      voters: [bob],
      votes: [],
      opened_at: 0,
      expires_at: 1
    } as const
    const gates = times(count - 1, (n) => ({ ...gate, id: commandId(`g${n}`) }))
    getTopic(world, threadId).state = { ...stateOf(world), gates } satisfies ThreadModel.State
    return sendCommand(world, alice, { _tag: "invite_co_author", user: userId(5) }) === "ok"
  }],
  "[THR2] the time to vote": [threadLimits.submissionTtlMillis, "excluded", (millis) => {
    const world = threadWorld()
    sendCommand(world, bob, submitMessage("let me in"), "s")
    deliverAll(world)
    advanceTime(world, millis)
    return stateOf(world).submissions[0]?.status === "pending"
  }],
  // The bound is the smallest: what is allowed is counted from above.
  "[THR2] the stake": [
    0,
    "included",
    (missing) =>
      sendCommand(threadWorld(), bob, submitMessage("in", { stake: threadLimits.minimumStake - missing })) === "ok"
  ],
  "[SYN1] the id of a command to a thread": [
    200,
    "included",
    (length) => sendCommand(threadWorld(), alice, submitMessage("hello"), "x".repeat(length)) === "ok"
  ],
  "[SYN1] the id of a stake": [
    200,
    "included",
    (length) =>
      applyCommand(makeTopicWorld(), mainLedger, commandId("x".repeat(length)), alice, {
        _tag: "Escrow",
        amount: 1,
        topic: topicId("thread:t"),
        input: { _tag: "TimerFired" }
      }) === undefined
  ],
  "[THR2] bytes of a text": [maxContentBytes, "included", (bytes) => validateContent("x".repeat(bytes)) === undefined]
}

const aiError = (retry_after_ms: number): ErrorState => ({
  _tag: "AIError",
  message: "busy",
  retryable: true,
  retry_after_ms
})
const afterFailure = (attempt: number, retryAfter: number) => {
  const run = sealedRun(makeRunAt("action", 0, { status: "running", attempt }))
  const answer = {
    _tag: "StepErrored",
    intent: ChorusRun.intentId(run),
    prompt_id: run.prompt_id,
    error: aiError(retryAfter)
  } as const
  return ChorusRun.transformState(run, { _tag: "StepResult", answer, now: 0, seed: 0 }).state.status
}
/** Whether a run whose Update asks for it goes on to this loop. */
const reachesLoop = (loop: number, confidence: number) => {
  const run = sealedRun(makeRunAt("update", loop - 1))
  const output = sealedOutput({ _tag: "update", reason: "more", loop: true, confidence })
  const answer = {
    _tag: "StepAnswered",
    intent: ChorusRun.intentId(run),
    prompt_id: run.prompt_id,
    output,
    usage
  } as const
  const { state } = ChorusRun.transformState(run, { _tag: "StepResult", answer, now: 0, seed: 0 })
  return state.current_step === steps[0] && state.loop === loop
}

const runs: Record<string, Bound> = {
  "[CHO6] attempts of a step": [
    ChorusRun.runPolicy.maxAttempts,
    "excluded",
    (attempt) => afterFailure(attempt - 1, 0) !== "failed"
  ],
  "[CHO6] the wait that a provider asks for": [
    ChorusRun.runPolicy.retryAfterMax,
    "included",
    (wait) => afterFailure(0, wait) !== "failed"
  ],
  "[CHO3] loops": [ChorusRun.runPolicy.maxLoops, "included", (loop) => reachesLoop(loop, 0)],
  "[CHO3] hundredths of the confidence that ends the loops": [
    100 * ChorusRun.runPolicy.confidenceThreshold,
    "excluded",
    (confidence) => reachesLoop(1, confidence / 100)
  ]
}

const collection = "c"
const ready = Storage.markCollectionReady(StorageModel.initial([{ name: collection, dimension: 3 }]), collection)
const storageAccepts = (operation: StorageModel.Operation) =>
  Storage.executeOperation(ready, operation)[1]._tag === "Success"
const asides = (count: number, failures: number): AsideTexts<string> =>
  new Map(times(count, (n) => [`${n}`, { topic: topicId("thread:t"), seq: n, draft: "", failures, dueAt: 0 }]))
const isSetAside = (texts: AsideTexts<string>, id: string) =>
  addFailure(texts, id, { topic: topicId("thread:t"), seq: 1, draft: "" }, 0).has(id)

const searches: Record<string, Bound> = {
  "[STO2] points of one store": [
    StorageModel.batchLimit,
    "included",
    (count) => storageAccepts({ _tag: "Store", collection, points: times(count, (n) => makePoint(n, [1, 0, 0])) })
  ],
  "[STO2] results of one search": [
    StorageModel.resultLimit,
    "included",
    (limit) => storageAccepts({ _tag: "Search", collection, vector: [1, 0, 0], limit, filter: {} })
  ],
  "[STO1] cached points": [
    StorageModel.cacheLimit,
    "included",
    (count) =>
      Storage.cachePoints(ready, collection, times(count, (n) => ({ id: pointId(n), point: null }))).cache.has(
        pointId(0)
      )
  ],
  "[STO8] failures of a text": [
    asidePolicy.maxFailures,
    "excluded",
    (failures) => isSetAside(asides(1, failures - 1), "0")
  ],
  "[STO8] texts that are set aside": [
    asidePolicy.maxTexts,
    "included",
    (count) => isSetAside(asides(count - 1, 1), "new")
  ]
}

describe.each(
  [["of a room", rooms], ["of a thread", threads], ["of a run", runs], ["of the search", searches]] as const
)(
  "a bound %s",
  (_, bounds) => {
    for (const [name, [bound, last, allows]] of Object.entries(bounds)) {
      it(`${name} is exact`, () => {
        assert.deepStrictEqual([bound - 1, bound, bound + 1].map(allows), [true, last === "included", false])
      })
    }
  }
)
