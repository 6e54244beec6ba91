/** The built-in kinds satisfy the laws that hosts rely on. */
import { assert, describe, it } from "@effect/vitest"
import * as BuiltInKinds from "../../src/domain/BuiltInKinds.ts"
import * as LedgerModel from "../../src/domain/ledger/LedgerModel.ts"
import type { AnyKind } from "../../src/domain/topic/Topic.ts"
import * as KindLaws from "../../src/testing/KindLaws.ts"
import { userId } from "../support/TopicWorld.ts"

const authors = [userId(0), userId(1), "system:host", LedgerModel.authorOfLedger(LedgerModel.mainLedger)] as const

/** The inputs that bring a topic of each kind into being. */
const preludes: ReadonlyArray<readonly [kind: AnyKind | undefined, prelude: ReadonlyArray<unknown>]> = [
  [BuiltInKinds.builtInKinds.get("thread"), [{ _tag: "create_thread", name: "T" }]],
  [BuiltInKinds.builtInKinds.get("ledger"), []],
  [BuiltInKinds.builtInKinds.get("room"), [{ _tag: "join_room" }]],
  [BuiltInKinds.builtInKinds.get("user"), []]
]

describe("built-in kinds", () => {
  it("are registered under their names", () => {
    for (const [name, kind] of BuiltInKinds.builtInKinds) assert.strictEqual(kind.name, name)
    assert.deepStrictEqual([...BuiltInKinds.builtInKinds.keys()], ["thread", "ledger", "room", "user"])
  })

  for (const [kind, prelude] of preludes) {
    if (kind === undefined) throw new TypeError("a built-in kind is missing")
    for (const { check, name } of KindLaws.laws(kind, { authors, prelude })) {
      const rule = name.includes("erased")
        ? "[TOP10]"
        : name.startsWith("folds its log")
        ? "[TOP2]"
        : name.startsWith("finds no fault")
        ? "[THR8]"
        : "[TOP1]"
      it.effect(`${rule} ${kind.name} ${name}`, () => check)
    }
  }
})
