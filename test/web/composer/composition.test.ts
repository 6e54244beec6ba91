import { assert, describe, it } from "@effect/vitest"
import { threadLimits } from "../../../src/domain/thread/ThreadGuards.ts"
import { maxContentBytes } from "../../../src/domain/topic/MessageContent.ts"
import { compositionCommand, compositionProblem } from "../../../src/web/composer/composition.ts"
import { formatTokens } from "../../../src/web/language/legacy.ts"

const message = (text: string) => ({ text, isAsking: false, stake: undefined, balance: 10_000 })
const submission = (stake: string) => ({ text: "text", isAsking: false, stake, balance: 10_000 })

describe("composition", () => {
  it("is a prompt, a message, or a submission with a stake", () => {
    assert.deepStrictEqual(compositionCommand({ ...message("Why?"), isAsking: true }), {
      _tag: "submit_prompt",
      prompt: "Why?"
    })
    assert.deepStrictEqual(compositionCommand(message("text")), { _tag: "submit_message", content: "text" })
    assert.deepStrictEqual(compositionCommand(submission("1500")), {
      _tag: "submit_message",
      content: "text",
      stake: 1500
    })
  })

  it("rejects a text that is too large, also when only its JSON is", () => {
    assert.isUndefined(compositionProblem(message("a".repeat(maxContentBytes))))
    assert.include(compositionProblem(message("a".repeat(maxContentBytes + 1))), "the limit is")
    assert.include(compositionProblem(message("\u0001".repeat(maxContentBytes / 2))), "special characters")
  })

  it("rejects a stake that is no whole number of at least the minimum", () => {
    assert.isUndefined(compositionProblem(submission(String(threadLimits.minimumStake))))
    for (const stake of ["", "1.5", "x", String(threadLimits.minimumStake - 1)]) {
      assert.include(compositionProblem(submission(stake)), "The stake must be")
    }
  })

  it("rejects a stake above the balance, with separators in both numbers", () => {
    assert.isUndefined(compositionProblem(submission("10000")))
    assert.strictEqual(
      compositionProblem(submission("999999")),
      `The stake is ${formatTokens(999_999)}, and you have ${formatTokens(10_000)}.`
    )
    assert.isUndefined(compositionProblem({ ...submission("999999"), balance: undefined }))
  })
})
