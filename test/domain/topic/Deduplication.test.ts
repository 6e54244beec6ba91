import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { originOf, replyToDuplicate } from "../../../src/domain/topic/Deduplication.ts"
import { commitTexts, write } from "../../../src/domain/topic/SealedText.ts"
import { sha256 } from "../../../src/layers/eventlog/ChainVerification.ts"

const topic = TopicId.make("counter:one")
const ada = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const ben = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
const fromAda = (input: unknown, isRepeatable = true) => originOf(ada, input, isRepeatable)
const add = (n: number) => ({ _tag: "add", n })
const firstReceipt = Result.succeed({ topic, seq: 5, duplicate: true })
const codeOf = (outcome: ReturnType<typeof replyToDuplicate>) => Result.isFailure(outcome) ? outcome.failure.code : "ok"

describe("replyToDuplicate", () => {
  const first = { seq: 5, ...fromAda(add(1)) }

  it("[SYN4] [SYN5] answers the repeat of a command with its first receipt, whatever the order of its keys", () => {
    assert.deepStrictEqual(replyToDuplicate(topic, first, fromAda(add(1))), firstReceipt)
    assert.deepStrictEqual(replyToDuplicate(topic, first, fromAda({ n: 1, _tag: "add" })), firstReceipt)
  })

  it("[SYN4] answers id_conflict to another command and to another author", () => {
    assert.strictEqual(codeOf(replyToDuplicate(topic, first, fromAda(add(2)))), "id_conflict")
    assert.strictEqual(codeOf(replyToDuplicate(topic, first, originOf(ben, add(1), true))), "id_conflict")
  })

  it("[SYN4] [TOP10] compares the seals of texts; without a salt of the sender's a repeat has others, and is not compared", () => {
    const say = (text: string, salt: string) => ({ _tag: "say", text: commitTexts(write(text), () => salt, sha256) })
    const said = { seq: 5, ...fromAda(say("hello", "s1")) }
    assert.deepStrictEqual(replyToDuplicate(topic, said, fromAda(say("hello", "s1"))), firstReceipt)
    assert.strictEqual(codeOf(replyToDuplicate(topic, said, fromAda(say("hi", "s1")))), "id_conflict")
    assert.strictEqual(codeOf(replyToDuplicate(topic, said, fromAda(say("hello", "s2")))), "id_conflict")
    const unsalted = { seq: 5, ...fromAda(say("hello", "s1"), false) }
    assert.deepStrictEqual(replyToDuplicate(topic, unsalted, fromAda(say("hello", "s2"), false)), firstReceipt)
  })

  it("[SYN4] compares no inputs of the server's own commands, nor of entries written without a hash", () => {
    const own = { seq: 5, ...originOf("system:clock", add(1), true) }
    assert.deepStrictEqual(replyToDuplicate(topic, own, originOf("system:clock", add(2), true)), firstReceipt)
    assert.deepStrictEqual(replyToDuplicate(topic, { seq: 5, author: ada }, fromAda(add(2))), firstReceipt)
  })
})
