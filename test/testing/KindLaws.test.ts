/** The laws of kinds detect a kind that violates them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Struct } from "effect"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { textsIn } from "../../src/domain/topic/SealedText.ts"
import type { AnyKind } from "../../src/domain/topic/Topic.ts"
import * as KindLaws from "../../src/testing/KindLaws.ts"

const room = builtInKinds.get("room") ?? assert.fail("the room kind is missing")
const prelude = [{ _tag: "join_room" }]

/** The names of the laws that a kind violates. */
const violatedLaws = Effect.fnUntraced(function*(kind: AnyKind) {
  const results = yield* Effect.forEach(
    KindLaws.laws(kind, { prelude }),
    ({ check, name }) => Effect.map(Effect.result(check), (result) => ({ name, result }))
  )
  return results.filter(({ result }) => Result.isFailure(result)).map(({ name }) => name)
})

const brokenKinds: ReadonlyArray<{ readonly law: string; readonly kind: AnyKind }> = [
  {
    law: "accepts or rejects every input of its schemas, and never throws",
    kind: {
      ...room,
      decide: () => {
        throw new TypeError("a defect in decide")
      }
    }
  },
  {
    law: "folds its log, as it is stored, to the same state at every seq",
    kind: {
      ...room,
      // The log would be the input's own object, which no stored log is.
      evolve: (state, event) => ({ ...room.evolve(state, event) as object, title: knownEvents.has(event as object) }),
      decide: (state, input, context) =>
        Result.map(room.decide(state, input, context), (decision) => {
          if (decision._tag === "Accept") { for (const event of decision.events) knownEvents.add(event as object) }
          return decision
        })
    }
  },
  {
    law: "folds its log to the same state when its texts are erased",
    kind: {
      ...room,
      evolve: (state, event) => ({
        ...room.evolve(state, event) as object,
        version: textsIn(event).filter(({ text }) => text.text !== null).length
      })
    }
  },
  {
    law: "gets every state back from its snapshot",
    kind: { ...room, State: RoomModel.State.mapFields(Struct.omit(["messages"])) as AnyKind["State"] }
  },
  {
    law: "finds no fault with the changes that it decides",
    kind: { ...room, validate: () => ["it changed"] }
  },
  {
    law: "leaves the states that it is given as they are",
    kind: {
      ...room,
      evolve: (state, event) => {
        const { members } = state as { members: Array<unknown> }
        members.push("system:host")
        return room.evolve(state, event)
      }
    }
  },
  {
    law: "gives the pending intents of a state different ids",
    kind: { ...room, pending: () => [{ _tag: "Ask", id: "same" }, { _tag: "Ask", id: "same" }] }
  },
  {
    law: "lists exactly the tags of its commands",
    kind: { ...room, commands: new Set([...room.commands, "unknown"]) }
  }
]

const knownEvents = new WeakSet<object>()

describe("laws of kinds", () => {
  it.effect("hold for a room", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* violatedLaws(room), [])
    }))

  it.effect.each(brokenKinds)("detect a kind that does not: $law", ({ kind, law }) =>
    Effect.gen(function*() {
      assert.include(yield* violatedLaws(kind), law)
    }))

  it.effect("show the shrunk script that violates them", () =>
    Effect.gen(function*() {
      const broken: AnyKind = { ...room, pending: () => [{ _tag: "Ask", id: "same" }, { _tag: "Ask", id: "same" }] }
      const violated = KindLaws.laws(broken).find(({ name }) => name.includes("different ids"))
      const failure = yield* Effect.flip(violated?.check ?? assert.fail("the law is missing"))
      assert.include(failure.message, "room: gives the pending intents of a state different ids")
      assert.match(failure.counterexample, /replay/i)
    }))
})
