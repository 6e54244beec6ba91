import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { CommandId, type Position } from "../../../src/domain/Ids.ts"
import { decodeServer, type EventView } from "../../../src/domain/Protocol.ts"
import { fold } from "../../../src/domain/Topic.ts"
import { EventLog, EventLogError, LogUnavailable } from "../../../src/services/EventLog.ts"
import { type CatchUp, type Subscriber, Topics } from "../../../src/services/Topics.ts"
import * as Counter from "../../support/Counter.ts"
import { alice, hosts, one, withLog } from "../../support/Hosted.ts"

const Happening = Schema.Union([
  /** A command; the same number is the same id. */
  Schema.TaggedStruct("Send", { id: Schema.Literals([0, 1, 2]), n: Schema.Literals([-2, 1, 3]) }),
  Schema.TaggedStruct("Fresh", { n: Schema.Literals([-2, 1, 3]) }),
  Schema.TaggedStruct("Subscribe", { reader: Schema.Literals([0, 1, 2]) }),
  Schema.TaggedStruct("Unsubscribe", { reader: Schema.Literals([0, 1, 2]) }),
  /** How the log treats what is appended from now on. */
  Schema.TaggedStruct("Disk", { mood: Schema.Literals(["sound", "broken", "lying"]) }),
  /** Everything that was asked for is done. */
  Schema.TaggedStruct("Settle", {})
])
type Happening = typeof Happening.Type

const scripts = Arbitrary.array(Arbitrary.schema(Happening), { minLength: 10, maxLength: 60 })

/** Somebody's copy of the counter, by the rules that a client follows. */
class Replica implements Subscriber {
  readonly id: string
  readonly user = alice
  state: Counter.State = Counter.kind.initial(one)
  position: Position | undefined
  /** Whether it has asked for deltas, and whether they have begun. */
  wanted = false
  live = false
  /** How often it has subscribed: only the answer to the latest counts, as a client knows it by its `ref_id`. */
  asked = 0

  constructor(id: string) {
    this.id = id
  }

  readonly caughtUp = (caught: CatchUp): void => {
    this.live = this.wanted
    this.position = caught.position
    if (caught.mode === "snapshot") this.state = caught.state as Counter.State
    else this.fold(caught.events)
  }

  readonly deliver: Subscriber["deliver"] = ({ text }) => {
    const message = decodeServer(JSON.parse(text))?.message
    if (message?._tag !== "delta" || !this.live) return
    assert.strictEqual(message.from, this.position?.seq, "a gap, or a delta twice")
    assert.strictEqual(message.events.length, message.to - message.from)
    this.position = { epoch: this.position?.epoch ?? "", seq: message.to }
    this.fold(message.events)
  }

  private fold(events: ReadonlyArray<EventView>): void {
    this.state = fold(Counter.kind, this.state, events.map(({ event }) => event as Counter.Event))
  }
}

const failure = new EventLogError({ reason: new LogUnavailable({ operation: "append", full: false, cause: "faulty" }) })

const play = Effect.fnUntraced(function*(script: ReadonlyArray<Happening>, mood: { disk: string }) {
  const topics = yield* Topics
  const replicas = [0, 1, 2].map((n) => new Replica(`reader-${n}`))
  const acknowledged = new Map<string, number>()
  let asked = 0
  let answered = 0
  const send = (id: string, n: number): void => {
    asked += 1
    topics.post(one, {
      id: CommandId.make(id),
      author: alice,
      input: { _tag: "add", n },
      reply: (outcome) => {
        answered += 1
        if (outcome._tag === "Failure") return
        assert.strictEqual(acknowledged.get(id) ?? outcome.success.seq, outcome.success.seq)
        acknowledged.set(id, outcome.success.seq)
      }
    })
  }
  for (const [i, happening] of script.entries()) {
    if (happening._tag === "Send") send(`again-${happening.id}`, happening.n)
    if (happening._tag === "Fresh") send(`fresh-${i}`, happening.n)
    if (happening._tag === "Disk") mood.disk = happening.mood
    if (happening._tag === "Settle") yield* Effect.exit(topics.state(one, alice))
    if (happening._tag === "Subscribe") {
      const replica = replicas[happening.reader]!
      replica.wanted = true
      // What still comes before the reply is part of the reply.
      replica.live = false
      const question = ++replica.asked
      topics.subscribe(one, replica, replica.position, (outcome) => {
        if (outcome._tag === "Success" && question === replica.asked) replica.caughtUp(outcome.success)
      })
    }
    if (happening._tag === "Unsubscribe") {
      const replica = replicas[happening.reader]!
      replica.wanted = replica.live = false
      topics.unsubscribe(one, replica.id)
    }
  }
  yield* Effect.exit(topics.state(one, alice))
  mood.disk = "sound"
  // What a lying disk has kept to itself is found by looking.
  yield* TestClock.adjust("1 minute")
  assert.strictEqual(answered, asked, "each command has one outcome")
  return { replicas, acknowledged }
})

describe("agreement", () => {
  it.effect.prop(
    "[TOP2] [TOP4] [TOP6] [SYN2] [SYN3] [SYN4] whatever is sent, read and broken, log, receipts and copies agree",
    { script: scripts },
    ({ script }) => {
      const mood = { disk: "sound" }
      const faulty = withLog((log) => ({
        append: (append) =>
          mood.disk === "sound"
            ? log.append(append)
            : mood.disk === "broken"
            ? Effect.fail(failure)
            : Effect.andThen(log.append(append), Effect.fail(failure))
      }))
      return Effect.gen(function*() {
        const log = yield* EventLog
        const { acknowledged, replicas } = yield* play(script, mood)
        const entries = yield* log.read(one, { after: 0, limit: 1000 })
        const causes = entries.map(({ cause }) => cause as string)
        assert.strictEqual(new Set(causes).size, causes.length, "an id is carried out once")
        for (const [id, seq] of acknowledged) assert.strictEqual(causes[seq - 1], id)
        const events = entries.map(({ event }) => event as Counter.Event)
        for (const { live, position, state } of replicas) {
          if (live) assert.strictEqual(position?.seq, entries.length)
          const seen = events.slice(0, position?.seq ?? 0)
          assert.deepStrictEqual(state, fold(Counter.kind, Counter.kind.initial(one), seen))
        }
      }).pipe(Effect.provide(Layer.provideMerge(hosts({ catchUp: 4, snapshotEvery: 3 }), Layer.fresh(faulty))))
    }
  )
})
