import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { type PlainRun, type Prior, type Step, steps } from "../../../../src/domain/chorus/ChorusModel.ts"
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
      assert.isTrue(found.some(({ content, id }) => id === prior && quote !== null && content.includes(quote)))
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

describe("ExtractiveModel: word for word", () => {
  const question = "How hot is the water for green tea in a kimono?"
  const messages = [{ author: asker, content: "Green tea is for the guests. The kettle is hot." }]
  const words = "“hot”, “water”, “green”, “tea”, “kimono”"
  const answerTo = (run: PlainRun, found: ReadonlyArray<Prior> = [], note = "") =>
    ExtractiveModel.generateAnswer(ChorusPrompt.buildPrompt(run, found, note).user).split("\n")
  const answerOf = (step: Step, loop: number) =>
    answerTo(makeRunAt(step, loop, { prompt: question, messages }), step === "experience" ? priors : [])
  const answerToNothing = (step: Step, note = "") =>
    answerTo(makeRunAt(step, 0, { prompt: question, messages: [], steps: [] }), [], note)
  const action = [
    `${ExtractiveModel.disclaimer} This thread says:`,
    "",
    "- Green tea is for the guests.",
    "- The kettle is hot.",
    "<<<data>>>",
    `{"confidence":0.18,"reasoning":"Compared 2 sentences of the thread with the question's words: ${words}."}`,
    ""
  ]

  it("[CHO12] Action quotes the thread, and repeats what Experience found before", () => {
    assert.deepStrictEqual(answerOf("action", 0), action)
    assert.deepStrictEqual(answerOf("action", 1), action.toSpliced(4, 0, "", "lead of experience 0"))
    assert.deepStrictEqual(answerOf("action", 2), action.toSpliced(4, 0, "", "lead of experience 1"))
  })

  it("[CHO12] Action repeats a list as a list", () => {
    const run = makeRunAt("action", 1, { prompt: question, messages })
    const list = `${ExtractiveModel.disclaimer} From before:\n\n- Steep it. [1]\n- Pour it. [2]`
    const steps = run.steps.map((record) =>
      record.output._tag === "experience" ? { ...record, output: { ...record.output, synthesis: list } } : record
    )
    assert.deepStrictEqual(
      answerTo({ ...run, steps }),
      action.toSpliced(4, 0, "", "From before:", "", "- Steep it. [1]", "- Pour it. [2]")
    )
  })

  it("[CHO12] Experience and Intention name the priors that have the question's words", () => {
    assert.deepStrictEqual(answerOf("experience", 0), [
      `${ExtractiveModel.disclaimer} From what the group wrote before:`,
      "",
      "- Steep green tea at 80 degrees. [1]",
      "- Black tea wants boiling water. [2]",
      "<<<data>>>",
      `{"key_insights":["Steep green tea at 80 degrees.","Black tea wants boiling water."]}`,
      ""
    ])
    assert.deepStrictEqual(answerOf("intention", 0), [
      `The question asks about ${words}.`,
      "<<<data>>>",
      `{"implicit":"Nothing beyond the words of the question: the offline model does not guess.","selected_priors":[1,2],`
      + `"reason":"These hold the sentences that share most of the question's rarer words."}`,
      ""
    ])
  })

  it("[CHO12] Observation and Update tell how much was found, and Update asks for one more pass", () => {
    assert.deepStrictEqual(answerOf("observation", 0), [
      "5 sentences of the priors were compared; 39 % of what the question asks for is found in them. "
      + "Nothing was found about “hot”, “kimono”.",
      "<<<data>>>",
      `{"patterns":["Several priors speak of “water”.","Several priors speak of “tea”."],"semantic_links":`
      + `[{"prior":1,"relation":"speaks of green, tea, water"},{"prior":2,"relation":"speaks of water, tea"}]}`,
      ""
    ])
    assert.deepStrictEqual(answerOf("update", 0), [
      "Only 39 % of what the question asks for is found: search again with the words found.",
      "<<<data>>>",
      `{"loop":true,"confidence":0.39}`,
      ""
    ])
    assert.deepStrictEqual(answerOf("update", 1), [
      "39 % of what the question asks for is found; another pass would find the same.",
      "<<<data>>>",
      `{"loop":false,"confidence":0.39}`,
      ""
    ])
  })

  it("[CHO12] Yield quotes priors and thread, and says what was not found", () => {
    assert.deepStrictEqual(answerOf("yield", 0), [
      ExtractiveModel.disclaimer,
      "",
      "- Steep green tea at 80 degrees. [1]",
      "- Black tea wants boiling water. [2]",
      "- The kettle is hot. (in this thread)",
      "",
      "Nothing was found about “kimono”.",
      "<<<data>>>",
      `{"citations":[{"prior":1,"quote":"Steep green tea at 80 degrees."},`
      + `{"prior":2,"quote":"Black tea wants boiling water."}],"confidence":0.64}`,
      ""
    ])
  })

  it("[CHO12] Action quotes two sentences at most, Experience five, Yield four, and three are insights", () => {
    const content = Array.from(
      { length: 9 },
      (_, n) => `Green tea wants hot water a${n} b${n} c${n} d${n} e${n} f${n}.`
    ).join("\n\n")
    const run = (step: Step) =>
      makeRunAt(step, 0, { prompt: "green tea", messages: [{ author: asker, content }], steps: [] })
    const quotesOf = (step: Step) =>
      answerTo(run(step), step === "action" ? [] : [makePrior("many", content)]).filter((line) => line.startsWith("- "))
    assert.deepStrictEqual((["action", "experience", "yield"] as const).map((step) => quotesOf(step).length), [2, 5, 4])
    const { key_insights } = JSON.parse(answerTo(run("experience"), [makePrior("many", content)]).at(-2)!) as {
      readonly key_insights: ReadonlyArray<string>
    }
    assert.deepStrictEqual(key_insights, quotesOf("experience").slice(0, 3).map((line) => line.slice(2, -4)))
  })

  it("[CHO12] one sentence is enough for each step", () => {
    const [found] = priors
    const one = { ...found!, content: "Green tea wants hot water." }
    const messages = [{ author: asker, content: one.content }]
    for (const step of steps) {
      const run = makeRunAt(step, 0, { prompt: question, messages, steps: [] })
      const answer = answerTo(run, step === "action" ? [] : [one]).join("\n")
      assert.notMatch(answer, /Nothing (in this thread|that the group)|"selected_priors":\[\]|"confidence":0[,}]/, step)
    }
  })

  it("[CHO12] where nothing is found, each step says so, or why", () => {
    const { disclaimer } = ExtractiveModel
    const nothing = "Nothing that the group wrote before answers this question."
    assert.deepStrictEqual(answerToNothing("action").slice(0, 1), [
      `${disclaimer} Nothing in this thread answers the question; what the group wrote elsewhere comes next.`
    ])
    const note = "The index\nis being built."
    assert.deepStrictEqual(answerToNothing("experience"), [
      `${disclaimer} ${nothing}`,
      "<<<data>>>",
      `{"key_insights":[]}`,
      ""
    ])
    assert.strictEqual(answerToNothing("experience", note)[0], `${disclaimer} So there is nothing to quote.`)
    assert.match(
      answerToNothing("intention")[2]!,
      /"selected_priors":\[\],"reason":"No prior shares the question's words\."/
    )
    assert.deepStrictEqual(answerToNothing("observation"), [
      nothing,
      "<<<data>>>",
      `{"patterns":[],"semantic_links":[]}`,
      ""
    ])
    assert.deepStrictEqual(answerToNothing("update"), [
      "0 % of what the question asks for is found; another pass would find the same.",
      "<<<data>>>",
      `{"loop":false,"confidence":0}`,
      ""
    ])
    const final = (reason: string) => [`${disclaimer} ${reason}`, "<<<data>>>", `{"citations":[],"confidence":0}`, ""]
    assert.deepStrictEqual(answerToNothing("yield"), final(nothing))
    assert.deepStrictEqual(answerToNothing("yield", note), final("The index is being built."))
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

  it("[CHO12] an empty answer has no pieces", () => assert.deepStrictEqual(ExtractiveModel.streamChunks(""), []))

  it("[SEC20] 200,000 spaces are split into pieces in linear time", () => {
    assert.deepStrictEqual(ExtractiveModel.streamChunks(` a  b${" ".repeat(200_000)}`), [" a ", " b "])
  })
})
