import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { CommandId, type Position } from "../../../src/domain/protocol/Ids.ts"
import { decodeServerMessage, type PublishedEvent } from "../../../src/domain/protocol/Protocol.ts"
import { fold } from "../../../src/domain/topic/Topic.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { type CatchUp, type Subscriber, Topics } from "../../../src/services/Topics.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import { alice, counterOne, type Disk, hostsLayer, logOnDisk, snapshotState } from "../../support/TopicHostFixture.ts"

const Action = Schema.Union([
  /** A command; the same number is the same id. */
  Schema.TaggedStruct("Send", { id: Schema.Literals([0, 1, 2]), n: Schema.Literals([-2, 1, 3]) }),
  Schema.TaggedStruct("Fresh", { n: Schema.Literals([-2, 1, 3]) }),
  Schema.TaggedStruct("Subscribe", { reader: Schema.Literals([0, 1, 2]) }),
  Schema.TaggedStruct("Unsubscribe", { reader: Schema.Literals([0, 1, 2]) }),
  /** How later appends end: durable, failed, or durable and reported as failed. */
  Schema.TaggedStruct("Disk", { mode: Schema.Literals(["sound", "broken", "ambiguous"]) }),
  /** Waits until everything queued was served. */
  Schema.TaggedStruct("Settle", {})
])
type Action = typeof Action.Type

const arbitraryScripts = Arbitrary.array(Arbitrary.schema(Action), { minLength: 10, maxLength: 60 })

/** A replica of the counter, by the rules that a client follows. */
class Replica implements Subscriber {
  readonly id: string
  readonly user = alice
  state: CounterKind.State = CounterKind.kind.initial(counterOne)
  position: Position | undefined
  /** Whether it has subscribed, and whether it has had the reply. */
  subscribed = false
  receiving = false
  /** Only the reply to the latest subscription counts, which a client recognises by its `ref_id`. */
  subscribeCount = 0

  constructor(id: string) {
    this.id = id
  }

  readonly applyCatchUp = (catchUp: CatchUp): void => {
    this.receiving = this.subscribed
    this.position = catchUp.position
    if (catchUp.mode === "snapshot") this.state = snapshotState(catchUp.snapshot) as CounterKind.State
    else this.applyEvents(catchUp.events)
  }

  readonly deliver: Subscriber["deliver"] = ({ text }) => {
    const message = decodeServerMessage(JSON.parse(text))?.message
    if (message?._tag !== "delta" || !this.receiving) return
    assert.strictEqual(message.from, this.position?.seq, "a gap, or a repeated delta")
    assert.strictEqual(message.events.length, message.to - message.from)
    this.position = { epoch: this.position?.epoch ?? "", seq: message.to }
    this.applyEvents(message.events)
  }

  private applyEvents(events: ReadonlyArray<PublishedEvent>): void {
    this.state = fold(CounterKind.kind, this.state, events.map(({ event }) => event as CounterKind.Event))
  }
}

const runScript = Effect.fnUntraced(function*(script: ReadonlyArray<Action>, disk: Disk) {
  const topics = yield* Topics
  const replicas = [0, 1, 2].map((n) => new Replica(`reader-${n}`))
  const acknowledged = new Map<string, number>()
  let sentCount = 0
  let replyCount = 0
  const send = (id: string, n: number): void => {
    sentCount += 1
    topics.post(counterOne, {
      id: CommandId.make(id),
      author: alice,
      input: { _tag: "add", n },
      reply: (outcome) => {
        replyCount += 1
        if (outcome._tag === "Failure") return
        assert.strictEqual(acknowledged.get(id) ?? outcome.success.seq, outcome.success.seq)
        acknowledged.set(id, outcome.success.seq)
      }
    })
  }
  for (const [i, action] of script.entries()) {
    if (action._tag === "Send") send(`again-${action.id}`, action.n)
    if (action._tag === "Fresh") send(`fresh-${i}`, action.n)
    if (action._tag === "Disk") disk.mode = action.mode
    if (action._tag === "Settle") yield* Effect.exit(topics.stateOf(CounterKind.kind, counterOne, alice))
    if (action._tag === "Subscribe") {
      const replica = replicas[action.reader]!
      replica.subscribed = true
      // Deltas that arrive before the reply are included in it.
      replica.receiving = false
      const subscribeNumber = ++replica.subscribeCount
      topics.subscribe(counterOne, replica, replica.position, (outcome) => {
        if (outcome._tag === "Success" && subscribeNumber === replica.subscribeCount) {
          replica.applyCatchUp(outcome.success)
        }
      })
    }
    if (action._tag === "Unsubscribe") {
      const replica = replicas[action.reader]!
      replica.subscribed = replica.receiving = false
      topics.unsubscribe(counterOne, replica.id)
    }
  }
  yield* Effect.exit(topics.stateOf(CounterKind.kind, counterOne, alice))
  disk.mode = "sound"
  // Entries of appends that were reported as failed are found by reading the head.
  yield* TestClock.adjust("1 minute")
  assert.strictEqual(replyCount, sentCount, "each command has one outcome")
  return { replicas, acknowledged }
})

describe("agreement", () => {
  it.effect.prop(
    "[TOP2] [TOP4] [TOP6] [SYN2] [SYN3] [SYN4] log, receipts and replicas agree after any script of commands, subscriptions and faults",
    { script: arbitraryScripts },
    ({ script }) => {
      const disk: Disk = { mode: "sound" }
      return Effect.gen(function*() {
        const log = yield* EventLog
        const { acknowledged, replicas } = yield* runScript(script, disk)
        const entries = yield* log.read(counterOne, { after: 0, limit: 1000 })
        const causes = entries.map(({ cause }) => cause as string)
        assert.strictEqual(new Set(causes).size, causes.length, "an id is applied once")
        for (const [id, seq] of acknowledged) assert.strictEqual(causes[seq - 1], id)
        const events = entries.map(({ event }) => event as CounterKind.Event)
        for (const { receiving, position, state } of replicas) {
          if (receiving) assert.strictEqual(position?.seq, entries.length)
          const seen = events.slice(0, position?.seq ?? 0)
          assert.deepStrictEqual(state, fold(CounterKind.kind, CounterKind.kind.initial(counterOne), seen))
        }
      }).pipe(
        Effect.provide(Layer.provideMerge(hostsLayer({ catchUp: 4, snapshotEvery: 3 }), Layer.fresh(logOnDisk(disk))))
      )
    }
  )
})
