import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlError } from "effect/sql"
import { CommandId, TopicId } from "../../../src/domain/Ids.ts"
import * as Committer from "../../../src/layers/eventlog/Committer.ts"
import type { Append } from "../../../src/services/EventLog.ts"

const append: Append = {
  topic: TopicId.make("room:one"),
  expected: 0,
  drafts: [{
    topic: TopicId.make("room:one"),
    seq: 1,
    at: 1,
    cause: CommandId.make("c"),
    author: "system:alice",
    version: 1,
    event: {}
  }],
  wakeAt: undefined,
  owed: false,
  listing: undefined
}

describe("Committer", () => {
  it.effect("[STO4] [FLT4] who follows the log looks there after a failed commit too: it may have happened", () =>
    Effect.gen(function*() {
      const cause = new SqlError.SqlError({ reason: new SqlError.UnknownError({ cause: "the connection was lost" }) })
      const heard: Array<string> = []
      const write = yield* Committer.make(() => Effect.fail(cause), ({ topic }) => void heard.push(topic))
      const outcome = yield* Effect.result(write(append))
      assert.strictEqual(outcome._tag, "Failure")
      assert.deepStrictEqual(heard, [append.topic])
    }).pipe(Effect.scoped))
})
