import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { type BothSides, online } from "./BothSides.ts"

const Kind = Schema.Literals(["room", "arena"])
const Happening = Schema.Union([
  Schema.TaggedStruct("Call", { kind: Kind, times: Schema.Literals([1, 2, 6]) }),
  Schema.TaggedStruct("Read", { times: Schema.Literals([1, 2, 4]) }),
  Schema.TaggedStruct("Decide", { times: Schema.Literals([1, 2, 4]) }),
  Schema.TaggedStruct("Hear", { times: Schema.Literals([1, 2, 4]) }),
  Schema.TaggedStruct("Drain", { kind: Kind }),
  Schema.TaggedStruct("Pass", { millis: Schema.Literals([10, 250, 1_000, 3_000]) }),
  Schema.TaggedStruct("Cut", {}),
  Schema.TaggedStruct("ReadOld", {})
])
type Happening = typeof Happening.Type
const scripts = Arbitrary.array(Arbitrary.schema(Happening), { minLength: 12, maxLength: 80 })

const repeat = (times: number, call: () => unknown): void => {
  for (let i = 0; i < times; i++) call()
}

const play = (both: BothSides, happening: Happening, next: () => number): void => {
  switch (happening._tag) {
    case "Call":
      return repeat(happening.times, () => both.call(next(), happening.kind))
    case "Read":
      return repeat(happening.times, () => both.read())
    case "ReadOld":
      return void both.read(true)
    case "Decide":
      return repeat(happening.times, () => both.decide())
    case "Hear":
      return repeat(happening.times, () => both.hear())
    case "Drain":
      return both.drain(happening.kind)
    case "Pass":
      return both.pass(happening.millis)
    case "Cut":
      return both.cut()
  }
}

describe("the order of commands", () => {
  it.prop("[CON7] [SYN10] however fast they come, commands of one budget are carried out in the order of calls", {
    script: scripts
  }, ({ script }) => {
    const both = online()
    const called = { room: new Array<number>(), arena: new Array<number>() }
    let count = 0
    for (const happening of script) {
      play(both, happening, () => {
        count += 1
        if (happening._tag === "Call") called[happening.kind].push(count)
        return count
      })
      for (const kind of ["room", "arena"] as const) {
        const accepted = both.accepted[kind]
        assert.deepStrictEqual(accepted, called[kind].slice(0, accepted.length))
      }
    }
    both.settle()
    assert.deepStrictEqual(both.accepted, called, "all of them, each once")
    assert.deepStrictEqual(both.client.outbox, [])
  }, { arbitrary: { runs: 300, size: 80 } })

  it("[CON7] one budget that has run out does not hold up another", () => {
    const both = online()
    both.drain("room")
    for (const n of [1, 2]) both.call(n, "room")
    for (const n of [3, 4, 5]) both.call(n, "arena")
    repeat(20, () => both.read() || both.decide() || both.hear())
    assert.deepStrictEqual(both.accepted, { room: [], arena: [3, 4, 5] })
  })

  it("[CON7] what is read late, when there is room again, does not overtake what was refused", () => {
    const both = online()
    both.drain("room")
    for (const n of [1, 2, 3]) both.call(n, "room")
    both.read()
    both.pass(3_000)
    repeat(2, () => both.read())
    assert.deepStrictEqual(both.accepted.room, [])
    both.settle()
    assert.deepStrictEqual(both.accepted.room, [1, 2, 3])
  })
})
