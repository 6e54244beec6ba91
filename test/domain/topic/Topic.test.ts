/** The contract of a topic kind: defaults of `define`, decisions, folds, intents, upcasters. */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import type { CommandId } from "../../../src/domain/protocol/Ids.ts"
import { type Author, type Instant, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { makeRejection } from "../../../src/domain/protocol/Rejection.ts"
import {
  accept,
  type AnyKind,
  budgetNameOf,
  define,
  diffIntents,
  fold,
  type Intent,
  type Listing,
  reject,
  SendCommand,
  step,
  upcast
} from "../../../src/domain/topic/Topic.ts"
import { commandId, topicId, userId } from "../../support/TopicWorld.ts"

/** A poll as a third party would write it: options, one vote per user, a closing time, and a report to another topic. */
const poll = define({
  name: "poll",
  State: Schema.Struct({
    votes: Schema.Array(Schema.Struct({ user: Schema.String, option: Schema.String })),
    closes_at: Schema.NullOr(Schema.Natural),
    report: Schema.NullOr(SendCommand)
  }),
  Command: Schema.TaggedUnion({ open_poll: { closes_at: Schema.Natural }, vote: { option: Schema.String } }),
  Answer: Schema.TaggedUnion({ Recounted: { votes: Schema.Natural } }),
  Event: Schema.TaggedUnion({
    PollOpened: { closes_at: Schema.Natural },
    Voted: { user: Schema.String, option: Schema.String },
    PollClosed: { report: SendCommand },
    Reported: {}
  }),
  creationCommands: ["open_poll"],
  initial: () => ({ votes: [], closes_at: null, report: null }),
  decide: (state, input, { author, id }) => {
    switch (input._tag) {
      case "open_poll":
        return accept({ _tag: "PollOpened", closes_at: input.closes_at })
      case "vote":
        return state.votes.some(({ user }) => user === author)
          ? reject(makeRejection("rule_violated", "POLL1", "you have voted"))
          : accept({ _tag: "Voted", user: author, option: input.option })
      case "TimerFired": {
        const report = { _tag: "SendCommand", id, topic: TopicId.make("room:news"), input: state.votes.length } as const
        return accept({ _tag: "PollClosed", report })
      }
      case "CommandOutcome":
        return accept({ _tag: "Reported" })
      case "IntentFailed":
      case "Recounted":
        return accept()
    }
  },
  evolve: (state, event) => {
    switch (event._tag) {
      case "PollOpened":
        return { ...state, closes_at: event.closes_at }
      case "Voted":
        return { ...state, votes: [...state.votes, { user: event.user, option: event.option }] }
      case "PollClosed":
        return { ...state, closes_at: null, report: event.report }
      case "Reported":
        return { ...state, report: null }
    }
  },
  pending: (state) => state.report === null ? [] : [state.report],
  nextWake: (state) => state.closes_at ?? undefined,
  listing: (state): Listing => ({
    title: "a poll",
    visibility: "public",
    status: state.closes_at === null ? "closed" : "active",
    members: [],
    updatedAt: 0
  })
})

/** Only what has no default. */
const minimal = define({
  name: "minimal",
  State: Schema.Struct({ count: Schema.Int }),
  Command: Schema.TaggedStruct("add", { by: Schema.Int }),
  Event: Schema.TaggedStruct("Added", { by: Schema.Int }),
  initial: () => ({ count: 0 }),
  decide: (_state, input) => input._tag === "add" ? accept({ _tag: "Added", by: input.by }) : accept(),
  evolve: (state, event) => ({ count: state.count + event.by })
})

const contextOf = (id: CommandId, author: Author, now: Instant) => ({ id, author, now, seed: 0 })
const alice = userId(0)

describe("Topic.define", () => {
  it("[TOP8] has defaults for intents, timers, directory entries and upcasters", () => {
    const state = minimal.initial(topicId("minimal:x"))
    assert.strictEqual(minimal.version, 1)
    assert.deepStrictEqual(minimal.upcasters, {})
    assert.deepStrictEqual([...minimal.commands], ["add", "erase"])
    assert.isUndefined(minimal.creationCommands)
    assert.isUndefined(minimal.budget)
    assert.deepStrictEqual(minimal.pending(state), [])
    assert.isUndefined(minimal.nextWake(state))
    assert.isTrue(minimal.canRead(state, alice))
    assert.isUndefined(minimal.listing(state))
    assert.isTrue(Schema.is(minimal.Answer)({ _tag: "TimerFired" }))
    assert.isTrue(Schema.is(minimal.Answer)({ _tag: "CommandOutcome", id: "c", rejection: null }))
  })

  it("[TOP8] reads the commands from the Command schema, adds the erasing of texts, and the host's answers to the kind's own", () => {
    assert.deepStrictEqual([...poll.commands], ["open_poll", "vote", "erase"])
    assert.deepStrictEqual([...poll.creationCommands ?? []], ["open_poll"])
    for (const answer of [{ _tag: "Recounted", votes: 1 }, { _tag: "TimerFired" }]) {
      assert.isTrue(Schema.is(poll.Answer)(answer))
    }
    assert.isFalse(Schema.is(poll.Answer)({ _tag: "vote", option: "yes" }))
  })

  it("[TOP8] accepts schemas of JSON values only: others would come back changed from the log", () => {
    const { name, State, Command, Event, initial } = minimal
    const base = { name, State, Command, Event, initial, decide: () => accept(), evolve: () => ({ count: 0 }) } as const
    const [Dates, Maps, Undefined] = [
      Schema.TaggedStruct("Any", { value: Schema.Date }),
      Schema.TaggedStruct("Any", { value: Schema.ReadonlyMap(Schema.String, Schema.Int) }),
      Schema.TaggedStruct("Any", { value: Schema.UndefinedOr(Schema.Int) })
    ]
    assert.strictEqual(define({ ...base, Event: Command }).name, name)
    // @ts-expect-error a Date is no JSON value
    define({ ...base, Event: Dates })
    // @ts-expect-error a Map is no JSON value
    define({ ...base, Event: Maps })
    // @ts-expect-error undefined is no JSON value
    define({ ...base, Event: Undefined })
    // @ts-expect-error of commands likewise
    define({ ...base, Command: Dates })
    // @ts-expect-error of answers likewise
    define({ ...base, Answer: Dates })
  })

  it("accepts no Command schema whose cases cannot be routed by a tag", () => {
    const Untagged = Schema.Struct({ _tag: Schema.String })
    const { name, State, initial } = minimal
    const Event = Schema.TaggedStruct("Added", { by: Schema.Int })
    const base = { name, State, Event, initial, decide: () => accept(), evolve: () => ({ count: 0 }) } as const
    assert.throws(
      () => define({ ...base, Command: Untagged }),
      "_tag"
    )
  })

  it("[TOP8] a kind defined outside the project goes through decisions, intents, timers and lists", () => {
    const topic = topicId("poll:x")
    let state = poll.initial(topic)
    const apply = (input: Parameters<typeof poll.decide>[1], author: Author, id: string) => {
      const result = step(poll, state, input, contextOf(commandId(id), author, 5))
      if (Result.isFailure(result) || "topic" in result.success) return result
      state = result.success.state
      return result
    }
    apply({ _tag: "open_poll", closes_at: 9 }, alice, "c1")
    assert.strictEqual(poll.nextWake(state), 9)
    assert.strictEqual(poll.listing(state)?.status, "active")
    apply({ _tag: "vote", option: "yes" }, alice, "c2")
    assert.isTrue(Result.isFailure(apply({ _tag: "vote", option: "no" }, alice, "c3")))
    apply({ _tag: "TimerFired" }, "system:clock", "c4")
    const report = { _tag: "SendCommand", id: "c4", topic: "room:news", input: 1 }
    assert.deepStrictEqual<unknown>(poll.pending(state), [report])
    assert.strictEqual(poll.listing(state)?.status, "closed")
    apply({ _tag: "CommandOutcome", id: commandId("c4"), rejection: null }, "system:room:news", "c5")
    assert.deepStrictEqual(poll.pending(state), [])
    assert.deepStrictEqual(state.votes, [{ user: alice, option: "yes" }])
  })
})

describe("step", () => {
  const [alice, bob] = [userId(0), userId(1)]
  const opened = fold(poll, poll.initial(topicId("poll:x")), [{ _tag: "PollOpened", closes_at: 9 }])
  const stepOf = (state: typeof poll.State.Type, input: Parameters<typeof poll.decide>[1], author: Author) =>
    step(poll, state, input, contextOf(commandId("c"), author, 5))

  it("[THR11][TOP1] shows what a command would do, and changes nothing", () => {
    const before = structuredClone(opened)
    const result = stepOf(opened, { _tag: "vote", option: "yes" }, alice)
    assert.deepStrictEqual(
      result,
      Result.succeed({
        state: { ...opened, votes: [{ user: alice, option: "yes" }] },
        events: [{ _tag: "Voted", user: alice, option: "yes" }],
        started: [],
        cancelled: []
      })
    )
    assert.deepStrictEqual(opened, before)
    // The next command is decided on the state before.
    assert.deepStrictEqual(stepOf(opened, { _tag: "vote", option: "yes" }, alice), result)
  })

  it("[TOP1] takes intents from the difference of `pending` before and after", () => {
    const closed = stepOf(opened, { _tag: "TimerFired" }, "system:clock")
    assert.isTrue(Result.isSuccess(closed) && "state" in closed.success)
    if (Result.isFailure(closed) || "topic" in closed.success) return
    assert.deepStrictEqual(closed.success.started.map(({ id }) => id), [commandId("c")])
    const reported = stepOf(closed.success.state, { _tag: "CommandOutcome", id: commandId("c"), rejection: null }, bob)
    if (Result.isFailure(reported) || "topic" in reported.success) return assert.fail("not accepted")
    assert.deepStrictEqual(reported.success.started, [])
    assert.deepStrictEqual(reported.success.cancelled.map(({ id }) => id), [commandId("c")])
  })

  it("[TOP6] keeps an intent that is pending before and after out of both lists", () => {
    const [a, b, c] = ["a", "b", "c"].map((id) => ({ _tag: "Ask", id })) as [Intent, Intent, Intent]
    assert.deepStrictEqual(diffIntents([a, b], [b, c]), { started: [c], cancelled: [a] })
    assert.deepStrictEqual(diffIntents([], [a]), { started: [a], cancelled: [] })
    assert.deepStrictEqual(diffIntents([a], []), { started: [], cancelled: [a] })
  })
})

describe("budgetNameOf", () => {
  it("[CON7] commands draw on their kind's own budget, or on the shared one", () => {
    const own: AnyKind = { ...minimal, budget: { perMinute: 3_600, burst: 60 } }
    const kinds = new Map([[own.name, own], [poll.name, poll]])
    assert.strictEqual(budgetNameOf(kinds, topicId("minimal:x")), "command:minimal")
    assert.strictEqual(budgetNameOf(kinds, topicId("minimal:y")), "command:minimal")
    assert.strictEqual(budgetNameOf(kinds, topicId("poll:x")), "command")
    assert.strictEqual(budgetNameOf(kinds, topicId("unknown:x")), "command")
  })
})

describe("upcast", () => {
  /** Version 1 wrote a number, version 2 `{ n }`, version 3 a tagged struct. */
  const kind: AnyKind = {
    ...minimal,
    version: 3,
    upcasters: { 1: (event) => ({ n: event }), 2: (event) => ({ _tag: "Added", by: (event as { n: number }).n }) }
  }

  it("[TOP9] lifts an event of any older version through the chain of upcasters", () => {
    const current = { _tag: "Added", by: 7 }
    assert.deepStrictEqual(upcast(kind, 1, 7), Result.succeed(current))
    assert.deepStrictEqual(upcast(kind, 2, { n: 7 }), Result.succeed(current))
    assert.deepStrictEqual(upcast(kind, 3, current), Result.succeed(current))
  })

  it("[TOP9] fails for an event that no chain of upcasters reaches", () => {
    assert.deepStrictEqual(
      upcast({ ...kind, upcasters: { 1: kind.upcasters[1]! } }, 1, 7),
      Result.fail("the kind minimal has no upcaster from event version 2")
    )
    assert.deepStrictEqual(
      upcast(kind, 4, 7),
      Result.fail("event version 4 is newer than version 3 of the kind minimal")
    )
  })
})
