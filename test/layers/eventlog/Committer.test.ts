import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
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

  it.effect("[FLT4] an append whose rows violate a constraint fails alone: the others of its group are stored", () =>
    Effect.gen(function*() {
      const bad = TopicId.make("room:bad")
      const groups: Array<ReadonlyArray<string>> = []
      const violation = new SqlError.SqlError({
        reason: new SqlError.UniqueViolation({ cause: "a row with this key exists", constraint: "key" })
      })
      const durable: Array<string> = []
      const write = yield* Committer.make(
        (group) => {
          groups.push(group.map(({ topic }) => topic))
          return group.some(({ topic }) => topic === bad)
            ? Effect.fail(violation)
            : Effect.succeed(group.map(() => Result.succeed([])))
        },
        ({ topic }) => void durable.push(topic)
      )
      const topics = [TopicId.make("room:one"), bad, TopicId.make("room:two")]
      const outcomes = yield* Effect.forEach(topics, (topic) => Effect.result(write(makeAppend(topic, 0, 1))), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(outcomes.map(Result.isSuccess), [true, false, true])
      assert.deepStrictEqual(groups[0], topics)
      assert.includeMembers(durable, ["room:one", "room:two"])
    }).pipe(Effect.scoped))
})
