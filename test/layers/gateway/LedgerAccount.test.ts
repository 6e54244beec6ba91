/** The grants of new keys, over the wire (LED3). */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { grantPolicy } from "../../../src/domain/ledger/LedgerGrants.ts"
import { mainLedger } from "../../../src/domain/ledger/LedgerModel.ts"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import * as Metrics from "../../../src/layers/observability/Metrics.ts"
import { Topics } from "../../../src/services/Topics.ts"
import {
  connectSignedIn,
  makeTestUser,
  request,
  type SignedInClient,
  startListening,
  wsServerLayer
} from "../../support/TestUsers.ts"

const balanceOf = ({ init }: SignedInClient) => (init.payload["user"] as { readonly balance: number }).balance

describe("grants of new keys", () => {
  it.effect("[LED3] beyond those of an address and day a key has none, may be used, and is granted on another day", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [known, late] = [makeTestUser(), makeTestUser()]
      const rich = yield* connectSignedIn(url, known)
      yield* connectSignedIn(url)
      const poor = yield* connectSignedIn(url, late)
      assert.deepStrictEqual([balanceOf(rich), balanceOf(poor)], [10_000, 0])
      // Who has the grant keeps it, at any sign-in.
      assert.strictEqual(balanceOf(yield* connectSignedIn(url, known)), 10_000)
      const thread = String((yield* request(rich, "create_thread", { name: "Plans" })).payload["topic"])
      assert.strictEqual((yield* request(poor, "create_thread", { name: "Mine" })).type, "receipt")
      const refused = (yield* request(poor, "submit_message", { content: "Let me in" }, thread)).payload
      assert.strictEqual(refused["code"], "insufficient_funds")
      assert.match(String(refused["message"]), /you have 0\..* connect again after midnight UTC$/)
      assert.strictEqual(balanceOf(yield* connectSignedIn(url, late)), 0)
      yield* TestClock.adjust("1 minute")
      const again = yield* connectSignedIn(url, late)
      assert.strictEqual(balanceOf(again), 10_000)
      assert.strictEqual((yield* request(again, "submit_message", { content: "Let me in" }, thread)).type, "receipt")
    }).pipe(
      Effect.provide(wsServerLayer({ limits: { grantsPerAddress: 2 } })),
      // A server that starts a minute before midnight: to run one for a day takes half a minute.
      (test) => Effect.andThen(TestClock.adjust(Duration.minutes(24 * 60 - 1)), test)
    ))

  it.effect("[LED3] a treasury that runs low is a gauge and one warning in the log", () => {
    const warnings: Array<unknown> = []
    const logger = Logger.make(({ message }) => void warnings.push(message))
    return Effect.gen(function*() {
      const url = yield* startListening
      const { treasury } = yield* Metrics.Metrics
      const payOut = (amount: number, id: string) =>
        Effect.flatMap(Topics, (topics) =>
          topics.submit(mainLedger, {
            id: CommandId.make(id),
            author: "system:test",
            input: { _tag: "Transfer", from: "treasury", to: "thread:vault", amount, cause: { _tag: "Payment" } }
          }))
      yield* connectSignedIn(url)
      yield* payOut(10_000_000_000 - 10_000 - grantPolicy.lowTreasury, "most")
      yield* connectSignedIn(url)
      assert.deepStrictEqual([treasury.tokens, warnings.length], [grantPolicy.lowTreasury, 0])
      yield* connectSignedIn(url)
      yield* connectSignedIn(url)
      assert.strictEqual(treasury.tokens, grantPolicy.lowTreasury - 20_000)
      assert.deepStrictEqual(warnings.flat(), ["the treasury is low: without it new users are granted nothing"])
    }).pipe(
      Effect.provide(wsServerLayer().pipe(Layer.provide(Logger.layer([logger])), Layer.provideMerge(Metrics.layer)))
    )
  })
})
