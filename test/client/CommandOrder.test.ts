import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { type ClientServerPair, onlinePair } from "./ClientServerPair.ts"

const Kind = Schema.Literals(["room", "arena"])
const Operation = Schema.Union([
  Schema.TaggedStruct("SubmitCommand", { kind: Kind, times: Schema.Literals([1, 2, 6]) }),
  Schema.TaggedStruct("ServerReceive", { times: Schema.Literals([1, 2, 4]) }),
  Schema.TaggedStruct("DecideOldest", { times: Schema.Literals([1, 2, 4]) }),
  Schema.TaggedStruct("ClientReceive", { times: Schema.Literals([1, 2, 4]) }),
  Schema.TaggedStruct("ExhaustBudget", { kind: Kind }),
  Schema.TaggedStruct("AdvanceTime", { millis: Schema.Literals([10, 250, 1_000, 3_000]) }),
  Schema.TaggedStruct("CutConnection", {}),
  Schema.TaggedStruct("ServerReceiveOld", {})
])
type Operation = typeof Operation.Type
const scripts = Arbitrary.array(Arbitrary.schema(Operation), { minLength: 12, maxLength: 80 })

const repeat = (times: number, call: () => unknown): void => {
  for (let i = 0; i < times; i++) call()
}

const applyOperation = (pair: ClientServerPair, operation: Operation, next: () => number): void => {
  switch (operation._tag) {
    case "SubmitCommand":
      return repeat(operation.times, () => pair.submitCommand(next(), operation.kind))
    case "ServerReceive":
      return repeat(operation.times, () => pair.serverReceive())
    case "ServerReceiveOld":
      return void pair.serverReceive(true)
    case "DecideOldest":
      return repeat(operation.times, () => pair.decideOldest())
    case "ClientReceive":
      return repeat(operation.times, () => pair.clientReceive())
    case "ExhaustBudget":
      return pair.exhaustBudget(operation.kind)
    case "AdvanceTime":
      return pair.advanceTime(operation.millis)
    case "CutConnection":
      return pair.cutConnection()
  }
}

describe("the order of commands through client and server", () => {
  it.prop("[CON7][SYN10] commands of one budget take effect in the order of submission, at any rate", {
    script: scripts
  }, ({ script }) => {
    const pair = onlinePair()
    const submitted = { room: new Array<number>(), arena: new Array<number>() }
    let count = 0
    for (const operation of script) {
      applyOperation(pair, operation, () => {
        count += 1
        if (operation._tag === "SubmitCommand") submitted[operation.kind].push(count)
        return count
      })
      for (const kind of ["room", "arena"] as const) {
        const accepted = pair.acceptedOrder[kind]
        assert.deepStrictEqual(accepted, submitted[kind].slice(0, accepted.length))
      }
    }
    pair.runUntilQuiescent()
    assert.deepStrictEqual(pair.acceptedOrder, submitted, "each command once")
    assert.deepStrictEqual(pair.client.outbox, [])
  }, { arbitrary: { runs: 300, size: 80 } })

  it("[CON7] an exhausted budget does not delay commands of another", () => {
    const pair = onlinePair()
    pair.exhaustBudget("room")
    for (const n of [1, 2]) pair.submitCommand(n, "room")
    for (const n of [3, 4, 5]) pair.submitCommand(n, "arena")
    repeat(20, () => pair.serverReceive() || pair.decideOldest() || pair.clientReceive())
    assert.deepStrictEqual(pair.acceptedOrder, { room: [], arena: [3, 4, 5] })
  })

  it("[CON7] a command that the server reads after a refill does not overtake one it rejected before", () => {
    const pair = onlinePair()
    pair.exhaustBudget("room")
    for (const n of [1, 2, 3]) pair.submitCommand(n, "room")
    pair.serverReceive()
    pair.advanceTime(3_000)
    repeat(2, () => pair.serverReceive())
    assert.deepStrictEqual(pair.acceptedOrder.room, [])
    pair.runUntilQuiescent()
    assert.deepStrictEqual(pair.acceptedOrder.room, [1, 2, 3])
  })
})
