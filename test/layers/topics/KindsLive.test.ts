import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as KindsLive from "../../../src/layers/topics/KindsLive.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { kind } from "../../support/CounterKind.ts"
import { startInProcessServer } from "../../support/InProcessServer.ts"

describe("KindsLive", () => {
  it.effect("[TOP8] kinds are found by their names", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual([...yield* Kinds], [["counter", kind], ["other", { ...kind, name: "other" }]])
    }).pipe(Effect.provide(KindsLive.layer([kind, { ...kind, name: "other" }]))))

  it.effect("[TOP8] a server does not start with two kinds of one name", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.provide(Kinds, KindsLive.layer([kind, kind])))
      assert.deepInclude(error, { _tag: "KindInvalid", kind: "counter", problem: "another kind has this name" })
    }))

  it.live("[TOP8] a server does not start with a kind that it cannot serve", () =>
    Effect.gen(function*() {
      const start = startInProcessServer({}, { kinds: [{ ...kind, name: "a:b" }] })
      const defect = yield* Effect.catchDefect(Effect.scoped(start), (defect) => Effect.succeed(String(defect)))
      assert.include(defect, "the kind \"a:b\" cannot be served: a name has")
    }))
})
