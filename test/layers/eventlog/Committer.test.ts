import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlError } from "effect/sql"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as Committer from "../../../src/layers/eventlog/Committer.ts"
import { makeAppend } from "./AppendFixture.ts"

const request = makeAppend(TopicId.make("room:one"), 0, 1)

describe("Committer", () => {
  it.effect("listeners are notified of a failed commit too, since it may have happened", () =>
    Effect.gen(function*() {
      const cause = new SqlError.SqlError({ reason: new SqlError.UnknownError({ cause: "the connection was lost" }) })
      const notified: Array<string> = []
      const write = yield* Committer.make(() => Effect.fail(cause), ({ topic }) => void notified.push(topic))
      const outcome = yield* Effect.result(write(request))
      assert.strictEqual(outcome._tag, "Failure")
      assert.deepStrictEqual(notified, [request.topic])
    }).pipe(Effect.scoped))
})
