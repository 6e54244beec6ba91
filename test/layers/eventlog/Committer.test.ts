import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlError } from "effect/sql"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as Committer from "../../../src/layers/eventlog/Committer.ts"
import type { AppendRequest } from "../../../src/services/EventLog.ts"

const request: AppendRequest = {
  topic: TopicId.make("room:one"),
  expectedSeq: 0,
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
  hasPendingIntents: false,
  listing: undefined
}

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
