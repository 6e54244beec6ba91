import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as ExtractiveModel from "../../../src/domain/chorus/extractive/ExtractiveModel.ts"
import { type Author, CommandId, type TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as HashEmbedding from "../../../src/domain/search/HashEmbedding.ts"
import * as PriorSearch from "../../../src/domain/search/PriorSearch.ts"
import { dot } from "../../../src/domain/search/Vector.ts"
import type { Hit } from "../../../src/domain/search/VectorPoint.ts"
import type { Readers } from "../../../src/domain/topic/TopicAccess.ts"
import { makePayload, pointId, threadId } from "../../support/PointFixture.ts"
import { makePrior, makeRunAt } from "../../support/RunFixture.ts"

const hit = (n: number, changes: { readonly text?: string; readonly message?: string; readonly at?: number } = {}) => ({
  id: pointId(n),
  score: 1 - n / 100,
  payload: makePayload({
    message: CommandId.make(changes.message ?? `m${n}`),
    content: changes.text ?? `text ${n}`,
    content_hash: changes.text ?? `hash ${n}`,
    created_at: changes.at ?? n
  })
})

describe("PriorSearch", () => {
  it("[CHO4] the search text is the question and Action's answer", () => {
    const run = makeRunAt("experience")
    assert.strictEqual(PriorSearch.searchText(run), `${run.prompt}\n\nlead of action 0`)
    assert.strictEqual(PriorSearch.searchText({ ...run, steps: [] }), run.prompt)
    assert.strictEqual(PriorSearch.searchText({ ...run, prompt: "x".repeat(30_000) }), "lead of action 0")
  })

  it("[CHO4] only the quotes of the extractive model are part of the search text", () => {
    const run = makeRunAt("experience")
    const steps = run.steps.map(({ output, ...record }) => ({
      ...record,
      output: { ...output, proposed_response: `${ExtractiveModel.disclaimer} This thread says:\n\n- a quote` },
      usage: { ...record.usage, model: ExtractiveModel.modelName }
    }))
    assert.strictEqual(PriorSearch.searchText({ ...run, steps }), `${run.prompt}\n\n- a quote`)
  })

  it("[CHO4] the ten best hits become priors, with the score in tenths as their similarity", () => {
    const priors = PriorSearch.selectPriors(Array.from({ length: 30 }, (_, n) => hit(n)))
    assert.deepStrictEqual(priors.map(({ id }) => id), Array.from({ length: 10 }, (_, n) => `m${n}`))
    assert.deepStrictEqual(priors.map(({ similarity }) => similarity), [1, 1, 1, 1, 1, 1, 0.9, 0.9, 0.9, 0.9])
  })

  it("[TOP10] the similarity of an erased text does not tell which of many guesses it was", () => {
    const searched = Result.getOrThrow(HashEmbedding.embed("Tell me about the alarm and 12 things in 2026"))
    const guesses = new Map<number, number>()
    for (let n = 0; n < 10_000; n += 2) {
      const text = `My number is ${`${n}`.padStart(4, "0")} and the alarm is off`
      const score = dot(searched, Result.getOrThrow(HashEmbedding.embed(text)))
      const [prior] = PriorSearch.selectPriors([{ ...hit(1), score }])
      guesses.set(prior!.similarity, (guesses.get(prior!.similarity) ?? 0) + 1)
    }
    // By the whole score, a fifth of the numbers would be one of fewer than 25 that fit.
    const narrowed = [...guesses.values()].filter((count) => count < 25).reduce((sum, count) => sum + count, 0)
    assert.isBelow(narrowed, 100)
  })

  it("[CHO4] identical texts are one prior, the earliest; a message is one prior, its best chunk", () => {
    const hits = [
      hit(1, { text: "same", message: "copy", at: 90 }),
      hit(2, { text: "same", message: "first", at: 10 }),
      hit(3, { message: "long", at: 5 }),
      hit(4, { message: "long", at: 5 })
    ]
    assert.deepStrictEqual(PriorSearch.selectPriors(hits).map(({ content, id }) => [id, content]), [
      ["first", "same"],
      ["long", "text 3"]
    ])
  })

  it("[TOP10] a prior names the event that holds its text, by which it can be erased", () => {
    const approved = { ...hit(1), payload: makePayload({ text_seq: 2, log_seq: 5 }) }
    assert.deepStrictEqual(PriorSearch.selectPriors([approved]).map(({ seq }) => seq), [2])
  })

  it("[CHO4] a long prior is shown as the excerpt that answers the question", () => {
    const run = makeRunAt("experience", 0, { prompt: "How hot should the water for green tea be?" })
    const long = `${"Other words. ".repeat(300)}\nGreen tea needs water of 80 degrees.\n${"More words. ".repeat(300)}`
    const { content, id } = PriorSearch.excerptPrior(run, makePrior("p", long))
    assert.strictEqual(id, "p")
    assert.include(content, "80 degrees")
    assert.isAtMost(content.length, 2_000)
  })

  const Name = Schema.Literals(["a", "b", "c", "d"])
  it.prop("[CHO13] [SEC10] every hit in a thread that not all readers may read is dropped, and no other", {
    threads: Schema.Array(Name),
    shared: Schema.Array(Name)
  }, ({ shared, threads }) => {
    const hits = threads.map((name, n): Hit => ({
      ...hit(n),
      payload: makePayload({ thread: threadId(name), visibility: "public" })
    }))
    const members = (...members: ReadonlyArray<Author>) => ({ visibility: "members", members }) as const
    const names = ["a", "b", "c", "d"] as const
    const readers = new Map<TopicId, Readers>([
      [threadId("asking"), members("system:ann", "system:ben")],
      ...names.map((name) =>
        [
          threadId(name),
          shared.includes(name) ? members("system:ben", "system:cat", "system:ann") : members("system:ann")
        ] as const
      )
    ])
    assert.deepStrictEqual(
      PriorSearch.authoriseHits(hits, threadId("asking"), readers),
      hits.filter((_, n) => shared.includes(threads[n]!))
    )
    assert.deepStrictEqual(PriorSearch.authoriseHits(hits, threadId("nowhere"), readers), [])
    assert.deepStrictEqual(PriorSearch.authoriseHits(hits, threadId("asking"), new Map([...readers].slice(0, 1))), [])
  })

  it("[FLT13] a run's Experience records that there was no search, for its own loop only", () => {
    const run = makeRunAt("yield", 1)
    const withNote = (loop: number) => ({
      ...run,
      steps: run.steps.map((record) =>
        record.output._tag === "experience" && record.loop === loop
          ? { ...record, output: { ...record.output, synthesis: `${PriorSearch.priorsUnavailableNote}\n\nL` } }
          : record
      )
    })
    assert.isFalse(PriorSearch.ranWithoutSearch(run))
    assert.isFalse(PriorSearch.ranWithoutSearch(withNote(0)))
    assert.isTrue(PriorSearch.ranWithoutSearch(withNote(1)))
  })
})
