import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { type Prior, steps } from "../../../../src/domain/chorus/ChorusModel.ts"
import * as ChorusParse from "../../../../src/domain/chorus/ChorusParse.ts"
import * as ChorusPrompt from "../../../../src/domain/chorus/ChorusPrompt.ts"
import * as ExtractiveModel from "../../../../src/domain/chorus/extractive/ExtractiveModel.ts"
import * as HashEmbedding from "../../../../src/domain/search/HashEmbedding.ts"
import { runAllSteps } from "../../../support/ExtractiveRun.ts"
import { asker, makePrior, makeRunAt, priors } from "../../../support/RunFixture.ts"
import { injectionPayloads } from "../PromptInjections.ts"

/** Effect's own Markdown manual, one prior per section, as an import splits it. */
const effectManual = new URL("../../../../node_modules/effect/", import.meta.url)
const sections = [
  "AGENTS.md",
  "README.md",
  ...readdirSync(new URL("ai-docs", effectManual), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md")).map((file) => `ai-docs/${file}`)
].flatMap((file) =>
  readFileSync(new URL(file, effectManual), "utf8").split(/\n(?=#{1,3} )/)
    .flatMap((text, i) => text.trim() === "" ? [] : [makePrior(`${file}#${i}`, text.trim())])
)

/** The ten nearest sections by the built-in embedder. */
const search = (question: string): ReadonlyArray<Prior> => {
  const target = Result.getOrThrow(HashEmbedding.embed(question))
  return sections.map((section) => {
    const vector = Result.getOrThrow(HashEmbedding.embed(section.content))
    const similarity = vector.reduce((sum, x, i) => sum + x * (target[i] ?? 0), 0)
    return Object.assign({ ...section }, { similarity, content: section.content.slice(0, 2_000) })
  }).toSorted((a, b) => b.similarity - a.similarity).slice(0, 10)
}

describe("ExtractiveModel: answers", () => {
  it("[CHO12] a question about imported documents is answered with quotes and their sources", () => {
    const found = search("How do I retry an effect with backoff?")
    const { experience, intention, yield: final } = runAllSteps("How do I retry an effect with backoff?", found)
    assert.include(final.final_response, ExtractiveModel.disclaimer)
    assert.match(final.final_response, /retries.*\[1\]/)
    assert.include(final.final_response, "Effect.retry")
    assert.isAbove(final.citations.length, 0)
    for (const { prior, quote } of final.citations) {
      assert.notStrictEqual(quote, "")
      assert.isTrue(found.some(({ content, id }) => id === prior && content.includes(quote)))
    }
    assert.include(experience.synthesis, ExtractiveModel.disclaimer)
    assert.isAbove(intention.selected_priors.length, 0)
  })

  it.each([
    ["What is a Layer and how do I compose services?", "Layer.provide"],
    ["How do I handle several tagged errors?", "catchTags"],
    ["how can I create streams from data sources", "streams"]
  ])("[CHO12] %j is answered with %j", (question, expected) => {
    assert.include(runAllSteps(question, search(question)).yield.final_response, expected)
  })

  it("[CHO12] a question that no prior answers is not answered", () => {
    const { update, yield: final } = runAllSteps(
      "What is the capital of France?",
      search("What is the capital of France?")
    )
    assert.include(final.final_response, "Nothing that the group wrote before answers this question.")
    assert.include(final.final_response, ExtractiveModel.disclaimer)
    assert.deepStrictEqual(final.citations, [])
    assert.strictEqual(final.confidence, 0)
    assert.isFalse(update.loop)
  })

  it("[CHO12] an answer from the thread has no citation", () => {
    const messages = [{ author: asker, content: "We agreed: the release is on Friday. Bring cake." }]
    const { action, yield: final } = runAllSteps("When is the release?", [], messages)
    assert.include(action.proposed_response, "the release is on Friday")
    assert.include(final.final_response, "the release is on Friday. (in this thread)")
    assert.deepStrictEqual(final.citations, [])
  })

  it("[CHO12] a matching code block is shown as code", () => {
    const content = "# Retrying\n\nRetry with a schedule.\n\n```ts\nEffect.retry(program, schedule)\n```\n"
    const { yield: final } = runAllSteps("How do I retry a program with a schedule?", [makePrior("c", content)])
    assert.include(final.final_response, "```\nEffect.retry(program, schedule)\n```")
    assert.deepStrictEqual(final.citations, [{ prior: "c", quote: "Retry with a schedule." }])
  })

  it("[CHO12] Update asks for one more pass if little was found", () => {
    const user = (loop: number) =>
      ChorusPrompt.buildPrompt(makeRunAt("update", loop, { prompt: "tea ceremony etiquette kimono" })).user
    const loop = (n: number) =>
      Result.getOrThrow(ChorusParse.parseOutput(makeRunAt("update", n), [], ExtractiveModel.generateAnswer(user(n))))
    assert.deepInclude(loop(0), { loop: true })
    assert.deepInclude(loop(1), { loop: false })
  })

  it.each(steps)("[CHO11] the answer to %s is parsed whatever injection its prompt holds", (step) => {
    for (const payload of injectionPayloads) {
      const run = makeRunAt(step, 0, {
        prompt: `green tea ${payload}`,
        messages: [{ author: asker, content: payload }]
      })
      const found = [...priors, makePrior("x", `green tea ${payload} green tea`)]
      const text = ExtractiveModel.generateAnswer(ChorusPrompt.buildPrompt(run, found).user)
      assert.strictEqual(text.split(ChorusPrompt.delimiter).length, 2)
      assert.isTrue(Result.isSuccess(ChorusParse.parseOutput(run, found, text)))
    }
  })
})

describe("ExtractiveModel: properties", () => {
  it("[CHO12] the answer is deterministic, and the streamed pieces are the answer", () => {
    const { user } = ChorusPrompt.buildPrompt(makeRunAt("yield"))
    assert.strictEqual(ExtractiveModel.generateAnswer(user), ExtractiveModel.generateAnswer(user))
    assert.strictEqual(
      ExtractiveModel.streamChunks(ExtractiveModel.generateAnswer(user)).join(""),
      ExtractiveModel.generateAnswer(user)
    )
  })

  it("[SEC20] 200,000 spaces are split into pieces in linear time", () => {
    assert.deepStrictEqual(ExtractiveModel.streamChunks(` a  b${" ".repeat(200_000)}`), [" a ", " b "])
  })
})
