import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { originOf, replyToDuplicate } from "../../../src/domain/topic/Deduplication.ts"

const topic = TopicId.make("counter:one")
const ada = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const ben = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
const add = (n: number) => ({ _tag: "add", n })
const firstReceipt = Result.succeed({ topic, seq: 5, duplicate: true })
const codeOf = (outcome: ReturnType<typeof replyToDuplicate>) => Result.isFailure(outcome) ? outcome.failure.code : "ok"

describe("replyToDuplicate", () => {
  const first = { seq: 5, ...originOf(ada, add(1)) }

  it("[SYN4] [SYN5] answers the repeat of a command with its first receipt, whatever the order of its keys", () => {
    assert.deepStrictEqual(replyToDuplicate(topic, first, originOf(ada, add(1))), firstReceipt)
    assert.deepStrictEqual(replyToDuplicate(topic, first, originOf(ada, { n: 1, _tag: "add" })), firstReceipt)
  })

  it("[SYN4] answers id_conflict to another command and to another author", () => {
    assert.strictEqual(codeOf(replyToDuplicate(topic, first, originOf(ada, add(2)))), "id_conflict")
    assert.strictEqual(codeOf(replyToDuplicate(topic, first, originOf(ben, add(1)))), "id_conflict")
  })

  it("[SYN4] compares no inputs of the server's own commands, nor of entries written without a hash", () => {
    const own = { seq: 5, ...originOf("system:clock", add(1)) }
    assert.deepStrictEqual(replyToDuplicate(topic, own, originOf("system:clock", add(2))), firstReceipt)
    assert.deepStrictEqual(replyToDuplicate(topic, { seq: 5, author: ada }, originOf(ada, add(2))), firstReceipt)
  })
})
