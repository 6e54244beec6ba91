import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { type Author, CommandId, TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { roomKind } from "../../../src/domain/room/Room.ts"
import type * as RoomModel from "../../../src/domain/room/RoomModel.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import type { Erase } from "../../../src/domain/topic/Erasure.ts"
import { fold } from "../../../src/domain/topic/Topic.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { Topics } from "../../../src/services/Topics.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import {
  accepted,
  alice,
  bob,
  counterOne,
  counterTwo,
  deltaRanges,
  layer,
  readTotal,
  recordingSubscriber,
  sendCommand,
  sendCommands,
  snapshotState,
  subscribe
} from "../../support/TopicHostFixture.ts"
import { userId } from "../../support/TopicWorld.ts"

describe("commands", () => {
  it.effect("[TOP2] [TOP3] the state is the fold of the log, whose seqs have no gap", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const n = 20
      yield* sendCommands(counterOne, Array.from({ length: n }, (_, i) => [`c${i}`, { _tag: "add", n: i }]))
      yield* sendCommand(counterOne, { _tag: "add", n: 5 })
      const entries = yield* log.read(counterOne, { after: 0, limit: 100 })
      assert.deepStrictEqual(entries.map(({ seq }) => seq), Array.from({ length: n + 1 }, (_, i) => i + 1))
      const events = entries.map(({ event }) => event as CounterKind.Event)
      assert.strictEqual(
        fold(CounterKind.kind, CounterKind.kind.initial(counterOne), events).total,
        yield* readTotal(counterOne)
      )
      assert.strictEqual(yield* readTotal(counterOne), 195)
    }).pipe(Effect.provide(layer())))

  it.effect("[SYN5] each command gets one receipt or rejection, in order; a rejected one changes nothing", () =>
    Effect.gen(function*() {
      const outcomes = yield* sendCommands(counterOne, [
        ["a", { _tag: "add", n: 2 }],
        ["b", { _tag: "add", n: -3 }],
        ["c", { _tag: "nothing" }],
        ["d", { _tag: "add", n: 1 }]
      ])
      assert.deepStrictEqual(outcomes.map((outcome) => Result.isSuccess(outcome) ? outcome.success.seq : "refused"), [
        1,
        "refused",
        1,
        2
      ])
    }).pipe(Effect.provide(layer())))

  it.effect("[SYN4] an id is applied once, in the same batch or later, and never for another author", () =>
    Effect.gen(function*() {
      const add = { _tag: "add", n: 2 } as const
      assert.deepStrictEqual(yield* sendCommands(counterOne, [["a", add], ["a", add], ["b", add]]), [
        accepted(1),
        accepted(1, true),
        accepted(2)
      ])
      assert.deepStrictEqual(yield* sendCommand(counterOne, add, { id: "a" }), accepted(1, true))
      const byOtherAuthor = yield* sendCommand(counterOne, add, { id: "a", author: bob })
      assert.strictEqual(Result.isFailure(byOtherAuthor) && byOtherAuthor.failure.code, "id_conflict")
      assert.strictEqual(yield* readTotal(counterOne), 4)
    }).pipe(Effect.provide(layer())))

  it.effect("[SYN4] an id that its user reuses for another command is rejected", () =>
    Effect.gen(function*() {
      const author = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
      const add = (n: number) => sendCommand(counterOne, { _tag: "add", n }, { id: "a", author })
      assert.deepStrictEqual(yield* add(1), accepted(1))
      assert.deepStrictEqual(yield* add(1), accepted(1, true))
      const other = yield* add(2)
      assert.strictEqual(Result.isFailure(other) && other.failure.code, "id_conflict")
      assert.deepStrictEqual(yield* add(1), accepted(1, true))
      assert.strictEqual(yield* readTotal(counterOne), 1)
    }).pipe(Effect.provide(layer())))

  it.effect("[AUT4] a topic of an unknown kind is answered with not_found", () =>
    Effect.gen(function*() {
      const outcome = yield* sendCommand("nothing:here" as typeof counterOne, { _tag: "nothing" })
      assert.strictEqual(Result.isFailure(outcome) && outcome.failure.code, "not_found")
    }).pipe(Effect.provide(layer())))

  it.effect("[FLT25] a defect of the kind fails its own command only, in decide, evolve or pending", () =>
    Effect.gen(function*() {
      const outcomes = yield* sendCommands(counterOne, [
        ["a", { _tag: "add", n: 1 }],
        ["b", { _tag: "die_deciding" }],
        ["c", { _tag: "die_evolving" }],
        ["d", { _tag: "die_deriving" }],
        ["e", { _tag: "add", n: 1 }]
      ])
      assert.deepStrictEqual(outcomes.map((outcome) => Result.isSuccess(outcome) || outcome.failure.code), [
        true,
        "internal",
        "internal",
        "internal",
        true
      ])
      assert.strictEqual(yield* readTotal(counterOne), 2)
      assert.deepStrictEqual(yield* sendCommand(counterTwo, { _tag: "add", n: 1 }), accepted(1, false, counterTwo))
    }).pipe(Effect.provide(layer())))

  it.effect("[THR11] simulating a command returns its events and intents, and commits nothing", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      const simulate = (input: CounterKind.Command) =>
        topics.simulate(counterOne, { id: "s" as never, author: alice, input })
      assert.deepStrictEqual((yield* simulate({ _tag: "add", n: 2 })).events, [{ _tag: "Added", n: 2 }])
      assert.deepStrictEqual((yield* simulate({ _tag: "ask", question: "why" })).intents, [
        { _tag: "Ask", id: "s", question: "why" } as never
      ])
      assert.deepStrictEqual((yield* simulate({ _tag: "forward_add", topic: counterTwo, n: 3 })).events, [{
        _tag: "Added",
        n: 3
      }])
      const refused = yield* Effect.result(simulate({ _tag: "add", n: -1 }))
      assert.strictEqual(Result.isFailure(refused) && refused.failure.rejection.code, "rule_violated")
      assert.strictEqual(yield* readTotal(counterOne), 0)
    }).pipe(Effect.provide(layer())))
})

describe("simulating an erasure", () => {
  it.effect("[THR11] [TOP10] decides on the event that is named, and erases nothing", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      const [lobby, [ada, ben]] = [TopicId.make("room:lobby"), [userId(0), userId(1)]]
      const command = (author: Author, input: RoomModel.CommandInput | typeof Erase.Encoded) => ({
        id: CommandId.make(`${author} ${input._tag}`),
        author,
        input
      })
      yield* topics.submit(lobby, command(ada, { _tag: "join_room" }))
      yield* topics.submit(lobby, command(ada, { _tag: "send_message", content: "hello" }))
      const erase = (author: Author) => topics.simulate(lobby, command(author, { _tag: "erase", seq: 2 }))
      const { events: [erased] } = yield* erase(ada)
      assert.deepInclude(erased, { _tag: "Erased", seq: 2, paths: ["/content"], by: ada })
      assert.strictEqual((yield* Effect.flip(erase(ben))).rejection.code, "forbidden")
      const { messages } = yield* topics.stateOf(roomKind, lobby, ada)
      assert.strictEqual(messages[0]?.content.text, `"hello"`)
    }).pipe(Effect.provide(layer(undefined, roomKind))))
})

describe("subscriptions", () => {
  it.effect("[SYN2] [SYN3] a snapshot first, then every delta once, one frame per commit", () =>
    Effect.gen(function*() {
      yield* sendCommand(counterOne, { _tag: "add", n: 7 })
      const subscriber = recordingSubscriber("x")
      const caught = Result.getOrThrow(yield* subscribe(counterOne, subscriber))
      assert.strictEqual(caught.mode, "snapshot")
      assert.strictEqual(caught.position.seq, 1)
      assert.deepInclude(caught.mode === "snapshot" && snapshotState(caught.snapshot), { total: 7 })
      yield* sendCommands(counterOne, [["a", { _tag: "add", n: 1 }], ["b", { _tag: "add", n: 1 }]])
      yield* sendCommand(counterOne, { _tag: "add", n: 1 })
      assert.deepStrictEqual(deltaRanges(subscriber), [[1, 3], [3, 4]])
    }).pipe(Effect.provide(layer())))

  it.effect("[CON8] [SYN9] a state is encoded once, for all who read it at its position", () =>
    Effect.gen(function*() {
      const read = Effect.map(subscribe(counterOne, recordingSubscriber("x")), (outcome) => {
        const caught = Result.getOrThrow(outcome)
        return caught.mode === "snapshot" ? caught.snapshot : undefined
      })
      yield* sendCommand(counterOne, { _tag: "add", n: 7 })
      const encodings = new Set(yield* Effect.replicateEffect(read, 100))
      assert.strictEqual(encodings.size, 1)
      yield* sendCommand(counterOne, { _tag: "add", n: 1 })
      encodings.add(yield* read)
      assert.deepStrictEqual(
        [...encodings].map((json) => (snapshotState(json!) as CounterKind.State).total),
        [7, 8]
      )
    }).pipe(Effect.provide(layer())))

  it.effect("[SYN2] [SYN8] deltas for the same log within the limit, else a snapshot", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 10; i++) yield* sendCommand(counterOne, { _tag: "add", n: 1 })
      const { position } = Result.getOrThrow(yield* subscribe(counterOne, recordingSubscriber("x")))
      const from = (seq: number, epoch = position.epoch) =>
        Effect.map(subscribe(counterOne, recordingSubscriber("y"), { epoch, seq }), (outcome) => {
          const caught = Result.getOrThrow(outcome)
          return caught.mode === "deltas" ? caught.events.map(({ seq }) => seq) : caught.mode
        })
      assert.deepStrictEqual(yield* from(7), [8, 9, 10])
      assert.deepStrictEqual(yield* from(5), [6, 7, 8, 9, 10])
      assert.deepStrictEqual(yield* from(10), [])
      assert.strictEqual(yield* from(4), "snapshot")
      assert.strictEqual(yield* from(11), "snapshot")
      assert.strictEqual(yield* from(9, "another epoch"), "snapshot")
    }).pipe(Effect.provide(layer({ catchUp: 5 }))))

  it.effect("[AUT4] [THR10] a user who may not read a topic gets not_found", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      yield* sendCommand(counterOne, { _tag: "share", readers: [alice] })
      const outcome = yield* subscribe(counterOne, recordingSubscriber("x", bob))
      assert.strictEqual(Result.isFailure(outcome) && outcome.failure.code, "not_found")
      const state = yield* Effect.result(topics.stateOf(CounterKind.kind, counterOne, bob))
      assert.strictEqual(Result.isFailure(state) && state.failure.rejection.code, "not_found")
    }).pipe(Effect.provide(layer())))

  it.effect("a state is read as its own kind's type only: another kind's codec gets not_found", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      yield* sendCommand(counterOne, { _tag: "add", n: 2 })
      assert.strictEqual((yield* topics.stateOf(CounterKind.kind, counterOne, alice)).total, 2)
      const other = yield* Effect.result(topics.stateOf(threadKind, counterOne, alice))
      assert.strictEqual(Result.isFailure(other) && other.failure.rejection.code, "not_found")
    }).pipe(Effect.provide(layer())))

  it.effect("[THR10] a user who loses access is unsubscribed before the delta that revokes it", () =>
    Effect.gen(function*() {
      const [reader, removedReader] = [recordingSubscriber("x", alice), recordingSubscriber("y", bob)]
      yield* subscribe(counterOne, reader)
      yield* subscribe(counterOne, removedReader)
      yield* sendCommand(counterOne, { _tag: "share", readers: [alice] })
      yield* sendCommand(counterOne, { _tag: "add", n: 1 })
      assert.deepStrictEqual(deltaRanges(reader), [[0, 1], [1, 2]])
      assert.deepStrictEqual(removedReader.received, [{ _tag: "unsubscribed", ref_id: null }])
    }).pipe(Effect.provide(layer())))

  it.effect("[CON2] one user's commands and subscriptions of one turn are answered in their order", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      const replies: Array<string> = []
      yield* Effect.callback<void>((resume) => {
        const add = (id: string) =>
          topics.post(counterOne, {
            id: id as never,
            author: alice,
            input: { _tag: "add", n: 1 },
            reply: () => replies.push(id) === 4 ? resume(Effect.void) : undefined
          })
        const subscriber = recordingSubscriber("x")
        add("a")
        topics.subscribe(counterOne, subscriber, undefined, (outcome) => {
          replies.push(`subscribed at ${Result.getOrThrow(outcome).position.seq}`)
        })
        add("b")
        add("c")
      })
      assert.deepStrictEqual(replies, ["a", "subscribed at 1", "b", "c"])
    }).pipe(Effect.provide(layer())))

  it.effect("[CON4] a subscriber that throws is removed; the others receive every frame", () =>
    Effect.gen(function*() {
      const subscriber = recordingSubscriber("y")
      yield* subscribe(counterOne, {
        id: "x",
        user: alice,
        deliver: () => {
          throw new TypeError("a broken socket")
        }
      })
      yield* subscribe(counterOne, subscriber)
      yield* sendCommand(counterOne, { _tag: "add", n: 1 })
      yield* sendCommand(counterOne, { _tag: "add", n: 1 })
      assert.deepStrictEqual(deltaRanges(subscriber), [[0, 1], [1, 2]])
      const topics = yield* Topics
      assert.deepStrictEqual(yield* topics.stats, { loadedTopics: 1, subscriptions: 1 })
      topics.unsubscribe(counterOne, "y")
      yield* sendCommand(counterOne, { _tag: "add", n: 1 })
      assert.deepStrictEqual(deltaRanges(subscriber), [[0, 1], [1, 2]])
      assert.deepStrictEqual(yield* topics.stats, { loadedTopics: 1, subscriptions: 0 })
    }).pipe(Effect.provide(layer())))
})
