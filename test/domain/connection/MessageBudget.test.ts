import { assert, describe, it } from "@effect/vitest"
import * as TokenBucket from "../../../src/domain/admission/TokenBucket.ts"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import type { ClientMessage } from "../../../src/domain/connection/FrameDecoder.ts"
import * as MessageBudget from "../../../src/domain/connection/MessageBudget.ts"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import { ref } from "./ConnectionFixture.ts"

const arena = { ...CounterKind.kind, name: "arena", budget: { perMinute: 3_600, burst: 60 } }
const kinds = new Map([[CounterKind.kind.name, CounterKind.kind], [arena.name, arena]])
const rates = new Map(MessageBudget.budgetRates(defaults, kinds))

const command = (topic: string): Extract<ClientMessage, { readonly _tag: "Command" }> => ({
  _tag: "Command",
  id: ref,
  topic: TopicId.make(topic),
  command: null,
  timestamp: 0
})
const signal: ClientMessage = {
  _tag: "Control",
  id: ref,
  control: { _tag: "signal", key: "cursor", value: 1 },
  topic: TopicId.make("arena:a")
}

/** How many messages a budget allows in a minute, of `burst` at once and then `perMillisecond`. */
const countAllowed = (budget: string, burst = 1_000, perMillisecond = 1): number => {
  const rate = rates.get(budget)!
  let bucket = TokenBucket.makeFull(rate, 0)
  let allowed = 0
  const send = (at: number) => {
    const taken = TokenBucket.take(bucket, rate, at)
    bucket = taken.bucket
    if (taken.wait === 0) allowed += 1
  }
  for (let i = 0; i < burst; i++) send(0)
  for (let at = 1; at <= 60_000; at++) {
    for (let i = 0; i < perMillisecond; i++) send(at)
  }
  return allowed
}

describe("the cost of a message", () => {
  it.each([
    ["thread:a", { _tag: "submit_prompt", prompt: "why?" }, defaults.promptCost],
    ["thread:a", { _tag: "submit_message", content: "hello" }, 1],
    ["room:a", { _tag: "send_message", content: "hello" }, 1],
    ["unknown:a", { _tag: "submit_prompt", prompt: "why?" }, 1]
  ])("[SEC25] in %s that of %j is %s", (name, value, cost) => {
    const message: ClientMessage = { ...command(name), command: value }
    assert.strictEqual(MessageBudget.costOf(message, builtInKinds, defaults), cost)
    assert.strictEqual(MessageBudget.costOf(signal, builtInKinds, defaults), 1)
  })
})

describe("the budgets of a user", () => {
  it("[CON7] allow 100 commands a minute with a burst of 20", () => {
    assert.strictEqual(MessageBudget.budgetOf(command("counter:a"), kinds), "command")
    assert.strictEqual(countAllowed("command"), 120)
  })

  it("[CON7] allow 30 signals a second, apart from commands", () => {
    assert.strictEqual(MessageBudget.budgetOf(signal, kinds), "signal")
    assert.strictEqual(countAllowed("signal"), 30 + 60 * 30)
  })

  it("[CON7] are a kind's own for its commands, if it declares one", () => {
    assert.strictEqual(MessageBudget.budgetOf(command("arena:a"), kinds), "command:arena")
    assert.strictEqual(countAllowed("command:arena"), 60 + 3_600)
  })

  it("[SEC25] are exact within 1, at 10,000 messages a second", () => {
    assert.closeTo(countAllowed("command", 0, 10), 120, 1)
  })

  it("[SEC25] are kept until all are full again, so that reconnecting refills none", () => {
    const names = [...rates.keys()]
    const buckets = names.map((name) =>
      TokenBucket.take(TokenBucket.makeFull(rates.get(name)!, 0), rates.get(name)!, 0).bucket
    )
    const entries = names.map((name) => [name, rates.get(name)!] as const)
    assert.strictEqual(MessageBudget.allFullAt(buckets, entries, 0), 600)
    assert.strictEqual(MessageBudget.allFullAt([undefined], entries, 5), 5)
  })
})
