import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { threadLimits } from "../../../src/domain/thread/ThreadGuards.ts"
import { maxContentBytes, validateContent } from "../../../src/domain/topic/MessageContent.ts"
import { composerMessages, problemText } from "../../../src/web/composer/ComposerMessages.ts"
import {
  type Composition,
  compositionCommand,
  compositionProblem,
  draftOfCommand
} from "../../../src/web/composer/composition.ts"
import { makeFormat } from "../../../src/web/language/Format.ts"
import { emptyDraft } from "../../../src/web/storage/savedText.ts"

const message = (text: string): Composition => ({ ...emptyDraft, text, isCoAuthor: true, balance: 10_000 })
const submission = (stake: string): Composition => ({ ...message("text"), stake, isCoAuthor: false })

const sentText = (composition: Composition): string => {
  const command = compositionCommand(composition)
  if (command._tag === "submit_prompt") return command.prompt
  return command._tag === "submit_message" ? command.content : assert.fail(command._tag)
}

/** Words, names of the Chorus, halves of a character, and characters that nobody sees. */
const word = Arbitrary.schema(
  Schema.Literals(["why", " ", "\n", "\u200b", ",", "@Chorus", "@chorus:", "@choruses", "\ud83c", "\udf75"])
)
const texts = Arbitrary.map(Arbitrary.array(word, { maxLength: 6 }), (parts) => parts.join(""))
const flag = Arbitrary.schema(Schema.Boolean)
const stakes = Arbitrary.schema(
  Schema.Int.check(Schema.isBetween({ minimum: threadLimits.minimumStake, maximum: 10_000 }))
)

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

  it("asks the Chorus that a co-author names at the beginning, without its name", () => {
    for (const text of ["@Chorus why?", "@chorus, why?", "  @CHORUS:why?", "@Chorus @chorus\nwhy?"]) {
      assert.deepStrictEqual(compositionCommand(message(text)), { _tag: "submit_prompt", prompt: "why?" }, text)
    }
    for (const text of ["Ask @Chorus why", "@choruses", "@chorus.example", "@Chorus’s answer"]) {
      assert.deepStrictEqual(compositionCommand(message(text)), { _tag: "submit_message", content: text })
    }
    const text = "@Chorus why?"
    assert.strictEqual(sentText({ ...submission("1000"), text }), text)
  })

  it("rejects a text that is too large, also when only its JSON is", () => {
    assert.isUndefined(compositionProblem(message("a".repeat(maxContentBytes))))
    assert.deepStrictEqual(compositionProblem(message("a".repeat(maxContentBytes + 1))), {
      _tag: "TooLarge",
      bytes: maxContentBytes + 1,
      limit: maxContentBytes
    })
    assert.deepStrictEqual(compositionProblem(message("a\u0001".repeat(maxContentBytes / 2))), {
      _tag: "TooManyEscapes"
    })
  })

  it("rejects a stake that is no whole number of at least the minimum", () => {
    assert.isUndefined(compositionProblem(submission(String(threadLimits.minimumStake))))
    for (const stake of ["", "1.5", "x", String(threadLimits.minimumStake - 1)]) {
      assert.strictEqual(compositionProblem(submission(stake))?._tag, "StakeTooSmall")
    }
  })

  it("rejects a stake above the balance, with separators in both numbers", () => {
    assert.isUndefined(compositionProblem(submission("10000")))
    assert.isUndefined(compositionProblem({ ...submission("999999"), balance: undefined }))
    const problem = compositionProblem(submission("999999")) ?? assert.fail()
    const word = (language: "en" | "de") =>
      problemText(problem, composerMessages[language], makeFormat(language, language, 0))
    assert.strictEqual(word("en"), "The stake is 999,999 tokens, and you have 10,000 tokens.")
    assert.strictEqual(word("de"), "Der Einsatz ist 999.999 Token, und du hast 10.000 Token.")
  })

  it.prop(
    "[THR2][SEC18] has a problem if and only if the server refuses the text that it sends",
    { text: texts, isAsking: flag, isCoAuthor: flag },
    (parts) => {
      const composition = { ...emptyDraft, ...parts, balance: undefined }
      assert.strictEqual(
        compositionProblem(composition) === undefined,
        validateContent(sentText(composition)) === undefined
      )
    }
  )

  it.prop(
    "a command gives back a draft that makes it again",
    { text: texts, isAsking: flag, isCoAuthor: flag, stake: stakes },
    ({ stake, ...parts }) => {
      const composition = { ...parts, stake: String(stake), balance: undefined }
      const command = compositionCommand(composition)
      const draft = draftOfCommand(command) ?? assert.fail()
      assert.deepStrictEqual(compositionCommand({ ...composition, ...draft }), command)
      // Mode and stake are kept, and so is the text but for the name of the Chorus.
      assert.strictEqual(draft.isAsking, command._tag === "submit_prompt")
      if (!draft.isAsking) assert.strictEqual(draft.text, parts.text)
      if (!parts.isCoAuthor) assert.strictEqual(draft.stake, String(stake))
    }
  )
})
