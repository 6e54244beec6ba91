/** Commands that another topic decides: their texts are stored beside the log of the one that passes them on (TOP10). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import { mainLedger } from "../../../src/domain/ledger/LedgerModel.ts"
import { type Author, CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import type { Openings } from "../../../src/domain/protocol/Seal.ts"
import * as IntentHandlersLive from "../../../src/layers/topics/IntentHandlersLive.ts"
import * as TopicsLocal from "../../../src/layers/topics/TopicsLocal.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Topics } from "../../../src/services/Topics.ts"
import { codeOf, diskFailure, memoryLogWith } from "../../support/TopicHostFixture.ts"
import { userId } from "../../support/TopicWorld.ts"

const thread = TopicId.make("thread:plaza")
const owner = userId(0)
const guest = userId(1)

type SetAside = EventLog["Service"]["setAside"]

/** Topics over a log whose texts are set aside by `setAside`. */
const topicsWith = (setAside: (real: SetAside) => SetAside) =>
  TopicsLocal.layer().pipe(
    Layer.provideMerge(IntentHandlersLive.layer),
    Layer.provide(Layer.succeed(Kinds, builtInKinds)),
    Layer.provideMerge(memoryLogWith((log) => ({ setAside: setAside(log.setAside) })))
  )

/** Topics, and the commitments to all texts that were set aside. */
const recordingTopics = () => {
  const stored: Array<string> = []
  const layer = topicsWith((real) => (topic, openings: Openings, at) => {
    stored.push(...Object.keys(openings))
    return real(topic, openings, at)
  })
  return { layer, stored }
}

const submit = (topic: TopicId, id: string, author: Author, input: unknown) =>
  Effect.flatMap(Topics, (topics) => topics.submit(topic, { id: CommandId.make(id), author, input })).pipe(
    Effect.mapError(({ rejection }) => rejection),
    Effect.result
  )

/** Submits a message under its content as id. */
const submitMessage = (content: string) => submit(thread, content, guest, { _tag: "submit_message", content })

/** A public thread, and a user with tokens who is no co-author. */
const openThread = Effect.gen(function*() {
  yield* submit(thread, "create", owner, { _tag: "create_thread", name: "Plaza" })
  yield* submit(mainLedger, "grant", "system:server", { _tag: "Grant", user: guest })
})

const ledgerCauses = Effect.map(
  Effect.flatMap(EventLog, (log) => log.read(mainLedger, { after: 0, limit: 99 })),
  (entries) => entries.map(({ cause }) => cause)
)

describe("the text of a submission", () => {
  it.effect("[CON2] is stored in the order of the commands, however long that takes", () => {
    const delays = [10, 0]
    const slow = topicsWith((real) => (...args) => Effect.andThen(Effect.sleep(delays.shift() ?? 0), real(...args)))
    return Effect.gen(function*() {
      yield* openThread
      const fiber = yield* Effect.forkChild(
        Effect.all([
          submitMessage("one"),
          submitMessage("two"),
          Effect.andThen(Effect.sleep(1), submitMessage("three"))
        ], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust(20)
      assert.deepStrictEqual((yield* Fiber.join(fiber)).map(codeOf), ["ok", "ok", "ok"])
      const commands = (yield* ledgerCauses).filter((cause) => ["one", "two", "three"].includes(cause))
      assert.deepStrictEqual(commands, ["one", "two", "three"])
    }).pipe(Effect.provide(slow))
  })

  it.effect("[TOP10] [SYN5] is durable before the ledger hears of it, or the command is rejected", () =>
    Effect.gen(function*() {
      yield* openThread
      assert.strictEqual(codeOf(yield* submitMessage("one")), "unavailable")
      assert.deepStrictEqual(yield* ledgerCauses, ["grant"])
    }).pipe(Effect.provide(topicsWith(() => () => Effect.fail(diskFailure)))))

  it.effect("[TOP10] does not stay when the thread rejects what the ledger offers: no event has it that could be erased", () => {
    const { layer, stored } = recordingTopics()
    return Effect.gen(function*() {
      yield* openThread
      // The owner takes the id of the submission while its stake is being reserved.
      const own = { _tag: "submit_message", content: "the owner's" }
      const outcomes = yield* Effect.all([submitMessage("taken"), submit(thread, "taken", owner, own)], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(outcomes.map(codeOf), ["ok", "ok"])
      yield* Effect.repeat(ledgerCauses, { until: (causes) => causes.includes(CommandId.make("taken:offer/answer")) })
      assert.lengthOf(stored, 1)
      assert.deepStrictEqual(yield* (yield* EventLog).openingsAside(thread, stored), {})
    }).pipe(Effect.provide(layer))
  })

  it.effect("[TOP10] does not stay when the ledger rejects the command", () => {
    const { layer, stored } = recordingTopics()
    return Effect.gen(function*() {
      yield* openThread
      const input = { _tag: "submit_message", content: "dear", stake: 1_000_000 }
      assert.strictEqual(codeOf(yield* submit(thread, "dear", guest, input)), "insufficient_funds")
      assert.strictEqual(codeOf(yield* submitMessage("kept")), "ok")
      const log = yield* EventLog
      // The thread opens the submission after the ledger has answered.
      const opened = yield* Effect.repeat(log.read(thread, { after: 1, limit: 9 }), {
        until: ({ length }) => length > 0
      })
      const texts = opened.flatMap(({ open }) => Object.values(open))
      assert.deepStrictEqual(texts.map(([, text]) => text), ["kept"])
      assert.deepStrictEqual(yield* log.openingsAside(thread, stored), {})
    }).pipe(Effect.provide(layer))
  })
})
