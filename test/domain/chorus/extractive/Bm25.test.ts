import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Bm25 from "../../../../src/domain/chorus/extractive/Bm25.ts"
import { splitPassages } from "../../../../src/domain/chorus/extractive/SentenceSplitter.ts"
import { stem, stemmedTerms } from "../../../../src/domain/chorus/extractive/Tokenizer.ts"

const words = ["bread", "dough", "yeast", "oven", "flour", "salt", "water", "crust", "crumb", "proof"]
const word = Arbitrary.schema(Schema.Literals(words))
const sentence = Arbitrary.all({
  words: Arbitrary.array(word, { minLength: 2, maxLength: 9 }),
  end: Arbitrary.schema(Schema.Literals([".", ".", ".", "?", "heading", "code"]))
}).pipe(Arbitrary.map(({ end, words }) => {
  const [first = "", ...rest] = words
  const text = [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join(" ")
  return end === "heading" ? `\n# ${text}\n` : end === "code" ? `\n\`\`\`\n${text}\n\`\`\`\n` : `${text}${end} `
}))
const source = Arbitrary.all({
  text: Arbitrary.array(sentence, { maxLength: 12 }).pipe(Arbitrary.map((all) => all.join(""))),
  weight: Arbitrary.schema(Schema.Literals([0, 0.25, 1]))
})
const material = {
  question: Arbitrary.array(word, { minLength: 1, maxLength: 4 }).pipe(Arbitrary.map((all) => all.join(" "))),
  texts: Arbitrary.array(source, { maxLength: 5 })
}
const numbered = (texts: ReadonlyArray<Omit<Bm25.Source, "number">>): ReadonlyArray<Bm25.Source> =>
  texts.map((text, n) => ({ ...text, number: n + 1 }))
const many = { arbitrary: { runs: 150, size: 60 } }

/** Okapi BM25 over sentences with k1 = 1.2 and b = 0.5, for terms that are words of a sentence or of its heading. */
const okapi = (question: string, sources: ReadonlyArray<Bm25.Source>) => {
  const terms = [...new Set(question.split(" ").map(stem))]
  const sentences = sources.flatMap(({ number, text, weight }) =>
    splitPassages(text).map(({ heading, text }) => ({
      text,
      heading,
      number,
      weight,
      body: stemmedTerms(text),
      all: new Set([...stemmedTerms(text), ...stemmedTerms(heading)])
    }))
  )
  const mean = sentences.reduce((sum, { body }) => sum + body.length, 0) / sentences.length
  const idf = (term: string) => {
    const n = sentences.filter(({ all }) => all.has(term)).length
    return Math.log(1 + (sentences.length - n + 0.5) / (n + 0.5))
  }
  const share = (found: ReadonlyArray<string>) =>
    found.reduce((sum, term) => sum + idf(term), 0) / terms.reduce((sum, term) => sum + idf(term), 0)
  return {
    coverage: share(terms.filter((term) => sentences.some(({ all }) => all.has(term)))),
    sentences: sentences.flatMap(({ all, body, heading, number, text, weight }) => {
      const matched = terms.filter((term) => all.has(term))
      const ofSource = sentences.filter((other) => other.number === number)
      const score = matched.reduce((sum, term) => {
        const tf = body.filter((other) => other === term).length || 0.4
        return sum + idf(term) * tf * (1.2 + 1) / (tf + 1.2 * (1 - 0.5 + 0.5 * body.length / mean))
      }, 0)
      const boost = 1 + share(terms.filter((term) => ofSource.some((other) => other.all.has(term)))) + weight
      const divisor = text.endsWith("?") ? 4 : 1
      return matched.length === 0 ? [] : [{ number, heading, text, score: score * boost / divisor }]
    })
  }
}

const overlap = (a: ReadonlySet<string>, b: ReadonlySet<string>) =>
  [...a].filter((term) => b.has(term)).length / Math.min(a.size, b.size)

describe("rankSentences", () => {
  it.prop("[CHO12] the scores are those of BM25, raised by the source and lowered for questions", material, ({
    question,
    texts
  }) => {
    const sources = numbered(texts)
    const expected = okapi(question, sources)
    const ranked = Bm25.rankSentences(question, sources)
    const key = ({ heading, number, text }: Pick<Bm25.SentenceHit, "heading" | "number" | "text">) =>
      JSON.stringify([number, heading, text])
    const scores = new Map(expected.sentences.map((hit) => [key(hit), hit.score]))
    assert.deepStrictEqual(ranked.hits.map(key).sort(), expected.sentences.map(key).sort())
    for (const hit of ranked.hits) assert.closeTo(hit.score, scores.get(key(hit))!, 1e-9)
    // Rounding may order scores that are equal by the formula.
    for (const [n, hit] of ranked.hits.slice(1).entries()) assert.isAtLeast(ranked.hits[n]!.score, hit.score)
    assert.closeTo(ranked.coverage, Number.isNaN(expected.coverage) ? 0 : expected.coverage, 1e-9)
    assert.strictEqual(ranked.sentenceCount, sources.flatMap(({ text }) => splitPassages(text)).length)
    const found = new Set(ranked.hits.flatMap(({ matched }) => matched))
    const missing = sources.length === 0
      ? []
      : [...new Set(question.split(" "))].filter((word) => !found.has(stem(word)))
    assert.deepStrictEqual([...ranked.missing].sort(), missing.sort())
  }, many)

  it("the words of a question are its meaningful ones, each once in one form", () => {
    assert.deepStrictEqual(Bm25.queryWords("How do I retry a retried x?"), ["retried"])
    assert.deepStrictEqual(Bm25.queryWords("the ox and a yak"), ["ox", "yak"])
    assert.deepStrictEqual(Bm25.queryWords("what is it?"), ["what", "is", "it"])
    assert.deepStrictEqual(Bm25.queryWords("to be x"), ["to", "be", "x"])
    assert.lengthOf(Bm25.queryWords(Array.from({ length: 99 }, (_, n) => `word${n}`).join(" ")), 64)
  })
})

describe("what is quoted", () => {
  it.prop("[CHO12] the best sentences are the highest that do not repeat each other", {
    ...material,
    count: Arbitrary.schema(Schema.Literals([1, 2, 4, 8]))
  }, ({ count, question, texts }) => {
    const ranked = Bm25.rankSentences(question, numbered(texts))
    const best = Bm25.bestSentences(ranked, count)
    const prose = ranked.hits.filter(({ kind }) => kind === "prose")
    if (ranked.coverage < 0.2) return assert.deepStrictEqual(best, [])
    const chosen: Array<Bm25.SentenceHit> = []
    for (const hit of prose) {
      const isGood = hit.score >= prose[0]!.score * 0.35
      const isNew = chosen.every(({ terms }) => overlap(terms, hit.terms) < 0.6)
      if (isGood && isNew && chosen.length < count) chosen.push(hit)
    }
    assert.deepStrictEqual(best, chosen)
  }, many)

  it.prop("[CHO12] code is quoted if it scores at least half of the best", material, ({ question, texts }) => {
    const ranked = Bm25.rankSentences(question, numbered(texts))
    const code = ranked.hits.find(({ kind }) => kind === "code")
    const isGood = code !== undefined && ranked.coverage >= 0.2 && code.score >= ranked.hits[0]!.score / 2
    assert.strictEqual(Bm25.bestCode(ranked), isGood ? code : undefined)
  }, many)

  it("[CHO12] with less than a fifth of the question's words nothing is quoted", () => {
    const sources = numbered([{ text: "Bread wants salt.\n\n```\nbread(salt)\n```", weight: 0 }])
    const ranked = Bm25.rankSentences("bread salt", sources)
    for (const coverage of [0.2, 0.19]) {
      const expected = coverage < 0.2 ? [0, undefined] : [1, "bread(salt)"]
      const [best, code] = [Bm25.bestSentences({ ...ranked, coverage }, 4), Bm25.bestCode({ ...ranked, coverage })]
      assert.deepStrictEqual([best.length, code?.text], expected)
    }
    assert.isUndefined(Bm25.bestCode(Bm25.rankSentences("bread", [])))
  })

  it("[CHO12] sources are named by their best sentences, and words by the sources that share them", () => {
    const rare = words.map((word, n) =>
      `The ${word} of ${"abcdefghij".charAt(n)}${n} and ${"klmnopqrst".charAt(n)}${n}.`
    )
    const ranked = Bm25.rankSentences(words.join(" "), numbered(rare.map((text) => ({ text, weight: 0 }))))
    assert.deepStrictEqual(Bm25.relevantSources(ranked), [1, 2, 3, 4, 5, 6, 7, 8])
    const shared = Bm25.rankSentences(
      "bread salt oven",
      numbered([{ text: "Bread wants salt.", weight: 0 }, { text: "Bread wants time.", weight: 0 }])
    )
    assert.deepStrictEqual(Bm25.matchedWords(shared, 1), ["bread", "salt"])
    assert.deepStrictEqual(Bm25.matchedWords(shared, 2), ["bread"])
    assert.deepStrictEqual(Bm25.sharedWords(shared), ["bread"])
    assert.deepStrictEqual(shared.missing, ["oven"])
  })
})

describe("excerpt", () => {
  const filler = (lines: number) => Array.from({ length: lines }, (_, n) => `Nothing of line ${n} matters.`).join("\n")

  it("[CHO12] a text that fits is kept", () => {
    const text = `${filler(3)}\nBread rises.`
    assert.strictEqual(Bm25.excerpt("bread", text, text.length), text)
    assert.notInclude(Bm25.excerpt("bread", text, text.length - 1), "line 0")
  })

  it("[CHO12] begins with a line before the best sentence, for at most half of the room", () => {
    const text = `${filler(20)}\nBread rises.\n${filler(20)}`
    const cut = Bm25.excerpt("bread", text, 200)
    assert.include(cut, "\nBread rises.\n")
    assert.isAtMost(cut.length, 200)
    assert.isTrue(text.includes(`\n${cut.split("\n")[0]}\n`), "begins with a whole line")
    const long = `${"Nothing matters here ".repeat(10)}. Bread rises. ${filler(20)}`
    assert.isTrue(Bm25.excerpt("bread", long, 200).startsWith("Bread rises."))
    assert.isTrue(Bm25.excerpt("bread", `Bread rises.\n${filler(20)}`, 200).startsWith("Bread rises."))
  })
})
