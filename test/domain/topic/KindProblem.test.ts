import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import { clientControlTypes } from "../../../src/domain/protocol/Protocol.ts"
import { findKindProblem } from "../../../src/domain/topic/KindProblem.ts"
import type { AnyKind } from "../../../src/domain/topic/Topic.ts"
import { kind as counterKind } from "../../support/CounterKind.ts"

const kind: AnyKind = counterKind
const withCommand = (tag: string): AnyKind => ({
  ...kind,
  Command: Schema.TaggedStruct(tag, {}),
  commands: new Set([tag])
})

describe("findKindProblem", () => {
  it("[TOP8] finds none in the built-in kinds and in a kind of a third party", () => {
    for (const good of [...builtInKinds.values(), kind]) assert.isUndefined(findKindProblem(good), good.name)
  })

  it.each(["a:b", "", "TTT", "tic-tac", "9", "a".repeat(33), "a\n"])(
    "[TOP8] no topic can be called after %j",
    (name) => {
      assert.include(findKindProblem({ ...kind, name }), "a name has 1 to 32")
    }
  )

  it.each([...clientControlTypes])("[TOP8] the command %s would never arrive", (tag) => {
    assert.include(findKindProblem(withCommand(tag)), `its command ${tag} is a message of the protocol`)
  })

  it.each(["CommandOutcome", "TimerFired", "IntentFailed", "Answered"])(
    "[TOP8] the command %s would be an answer by a user",
    (tag) => {
      assert.include(findKindProblem(withCommand(tag)), `its command ${tag} is an answer as well`)
    }
  )

  it("[TOP8] commands are the tags of their schema, and only they create topics", () => {
    const more = { ...kind, commands: new Set([...kind.commands, "subtract"]) }
    const fewer = { ...kind, commands: new Set(["add"]) }
    for (const wrong of [more, fewer]) assert.include(findKindProblem(wrong), "are not the tags of its Command schema")
    assert.include(findKindProblem({ ...kind, Command: Schema.Struct({ _tag: Schema.String }) }), "literal _tag")
    assert.include(findKindProblem({ ...kind, creationCommands: new Set(["open"]) }), "it has no command open")
    for (const tag of ["", "a".repeat(65)]) assert.include(findKindProblem(withCommand(tag)), "1 to 64 characters")
  })

  it.each([0, -1, 1.5, Number.NaN])("[TOP9] %d is no version", (version) => {
    assert.include(findKindProblem({ ...kind, version }), "its version")
  })

  it("[TOP9] each version has an upcaster to the next one", () => {
    const { 1: first } = kind.upcasters
    assert.include(findKindProblem({ ...kind, upcasters: {} }), "it has no upcaster from version 1")
    assert.include(findKindProblem({ ...kind, version: 4, upcasters: { 1: first!, 3: first! } }), "from version 2")
    assert.isUndefined(findKindProblem({ ...kind, version: 3, upcasters: { 1: first!, 2: first! } }))
  })

  it("[TOP8] answers may have no tags in a kind that was made without `define`", () => {
    assert.isUndefined(findKindProblem({ ...kind, Answer: Schema.Json }))
  })
})
