/** A log that is ahead of its host: an append that was reported as failed had happened, or another writer appended. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import { submitMessage } from "../../../src/layers/topics/HostMessages.ts"
import { TopicWriter } from "../../../src/layers/topics/TopicWriter.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import type { Topics } from "../../../src/services/Topics.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import {
  alice,
  counterOne,
  foreignAppend,
  hostsLayer,
  readTotal,
  recordingSubscriber,
  sendCommand,
  subscribe
} from "../../support/TopicHostFixture.ts"

/** One run of a server over an existing log; it stores a snapshot of the whole. */
const runServer = <A, E>(body: Effect.Effect<A, E, Topics | EventLog>) =>
  body.pipe(Effect.provide(hostsLayer({ snapshotEvery: 4 })))

const sendAdds = Effect.forEach([1, 2, 3, 4], () => sendCommand(counterOne, { _tag: "add", n: 1 }))

describe("a log that is ahead", () => {
  it.effect("[TOP6] [SYN4] the repeat of a command whose append was reported as failed returns its entry, intent and first receipt", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* runServer(sendAdds)
      const writer = new TopicWriter(counterOne, CounterKind.kind, { log, now: () => 0, seed: () => 0 })
      yield* writer.load
      const started: CounterKind.Event = {
        _tag: "IntentAdded",
        intent: { _tag: "Ask", id: CommandId.make("question"), question: "how many?" }
      }
      yield* log.append(foreignAppend(4, [started], { cause: "twice" }))
      const { before, decisions, entries } = yield* writer.commit([submitMessage({
        id: CommandId.make("twice"),
        author: alice,
        input: { _tag: "ask", question: "how many?" },
        reply: () => undefined
      })])
      assert.deepStrictEqual([before.seq, entries.map(({ seq }) => seq)], [4, [5]])
      const receipt = { topic: counterOne, seq: 5, duplicate: true }
      assert.deepStrictEqual(decisions, [{ _tag: "Reply", outcome: Result.succeed(receipt) }])
      assert.deepStrictEqual([writer.durableState.seq, writer.durableState.pending.map(({ id }) => id)], [5, [
        "question"
      ]])
    }).pipe(Effect.provide(EventLogMemory.layer)))

  it.effect("[SYN2] the deltas of a subscription end at the position of its reply, also when the log is ahead", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* runServer(sendAdds)
      yield* runServer(Effect.gen(function*() {
        assert.strictEqual(yield* readTotal(counterOne), 4)
        const whole = Result.getOrThrow(yield* subscribe(counterOne, recordingSubscriber("x")))
        yield* log.append(foreignAppend(4, [{ _tag: "Added", n: 1 }]))
        const caught = Result.getOrThrow(
          yield* subscribe(counterOne, recordingSubscriber("y"), { ...whole.position, seq: 2 })
        )
        assert.strictEqual(caught.position.seq, 4)
        assert.deepStrictEqual(caught.mode === "deltas" && caught.events.map(({ seq }) => seq), [3, 4])
      }))
    }).pipe(Effect.provide(EventLogMemory.layer)))
})
