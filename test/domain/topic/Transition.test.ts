import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { makeRejection } from "../../../src/domain/protocol/Rejection.ts"
import { foldDecision } from "../../../src/domain/topic/Topic.ts"
import { isPrefix, type Transition, transitionsOf } from "../../../src/domain/topic/Transition.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import { topicId } from "../../support/TopicWorld.ts"

interface Item {
  readonly key: number
  readonly value: number
}
const keyOf = ({ key }: Item) => key

/** Twenty objects with different keys. */
const items = Array.from({ length: 20 }, (_, key): Item => ({ key, value: 0 }))

/** What happens to each object: it stays, changes, is removed, or is new afterwards. */
const fates = Arbitrary.array(Arbitrary.schema(Schema.Literals(["stays", "changes", "goes", "comes"])), {
  maxLength: items.length
})

describe("transitions", () => {
  it.prop("[THR8] of two lists are what is new, what is another than before, and what is gone", [fates], ([drawn]) => {
    const fateOf = ({ key }: Item) => drawn[key] ?? "goes"
    const old = items.filter((item) => fateOf(item) !== "comes")
    const next = items.flatMap((item) =>
      fateOf(item) === "goes" ? [] : fateOf(item) === "changes" ? [{ ...item, value: 1 }] : [item]
    )
    const expected = items.flatMap((item): ReadonlyArray<Transition<Item>> => {
      switch (fateOf(item)) {
        case "stays":
          return []
        case "changes":
          return [{ _tag: "Updated", old: item, new: { ...item, value: 1 } }]
        case "goes":
          return [{ _tag: "Deleted", old: item }]
        case "comes":
          return [{ _tag: "Created", new: item }]
      }
    })
    assert.sameDeepMembers([...transitionsOf(old, next, keyOf)], [...expected])
    assert.strictEqual(isPrefix(old, next), old.every((item, n) => item === next[n]))
  })

  it("[THR8] of one list and of unchanged objects are none", () => {
    assert.deepStrictEqual(transitionsOf(items, items, keyOf), [])
    assert.deepStrictEqual(transitionsOf(items, [...items], keyOf), [])
  })

  it("[THR8] an object that is there twice is Created the second time", () => {
    assert.deepStrictEqual(transitionsOf(items.slice(0, 1), [items[0]!, items[0]!], keyOf), [
      { _tag: "Created", new: items[0]! }
    ])
  })
})

describe("foldDecision", () => {
  it("[THR8] asks a kind for the faults of a change, once, with the state before and after and the events", () => {
    const changes: Array<unknown> = []
    const kind: typeof CounterKind.kind = {
      ...CounterKind.kind,
      validate: (change) => (changes.push(change), ["it counts", "it is odd"])
    }
    const state = kind.initial(topicId("counter:one"))
    const events = [{ _tag: "Added", n: 1 }, { _tag: "Added", n: 2 }] as const
    assert.deepStrictEqual(
      foldDecision(kind, state, events),
      Result.fail(makeRejection(
        "rule_violated",
        "THR8",
        "this change was not stored, because it would break the counter: it counts; it is odd"
      ))
    )
    assert.deepStrictEqual(changes, [{ old: state, new: { ...state, total: 3 }, events }])
    assert.deepStrictEqual(foldDecision(kind, state, []), Result.succeed(state))
  })
})
