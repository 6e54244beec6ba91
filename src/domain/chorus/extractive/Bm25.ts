/**
 * Ranks the sentences of some texts by how well they answer a question: BM25 over sentences, weighted by their source.
 */
import { truncate } from "../PromptQuoting.ts"
import * as SentenceSplitter from "./SentenceSplitter.ts"
import * as Tokenizer from "./Tokenizer.ts"

/** A text to rank sentences of. `weight` is its similarity to the question by other means, 0 if unknown. */
export interface Source {
  readonly number: number
  readonly text: string
  readonly weight: number
}

/** A sentence or a code block of source `number`, unchanged. `matched` holds stems of the question. */
export interface SentenceHit extends SentenceSplitter.Passage {
  readonly number: number
  readonly score: number
  readonly terms: ReadonlySet<string>
  readonly matched: ReadonlyArray<string>
}

/** The sentences that share a word with the question, best first. */
export interface RankedSentences {
  readonly hits: ReadonlyArray<SentenceHit>
  /** The number of sentences compared. */
  readonly sentenceCount: number
  /** The share of the question's words that the hits contain, 0 to 1, weighted by rarity. */
  readonly coverage: number
  /** Words of the question that no sentence contains. */
  readonly missing: ReadonlyArray<string>
  /** The question's words by their stems. */
  readonly spelling: ReadonlyMap<string, string>
}

interface Candidate extends SentenceSplitter.Passage {
  readonly number: number
  readonly weight: number
  readonly bodyTerms: ReadonlyArray<string>
  readonly terms: ReadonlySet<string>
}

/** Ranks every sentence of `sources` by `question`. */
export const rankSentences = (question: string, sources: ReadonlyArray<Source>): RankedSentences => {
  const spelling = new Map(queryWords(question).map((word) => [Tokenizer.stem(word), word]))
  const candidates = sources.flatMap(toCandidates)
  const idf = inverseDocumentFrequencies([...spelling.keys()], candidates)
  const averageLength = candidates.reduce((sum, { bodyTerms }) => sum + bodyTerms.length, 0) /
    Math.max(1, candidates.length)
  const termsBySource = new Map(sources.map(({ number }) => [number, new Set<string>()]))
  for (const { number, terms } of candidates) for (const term of terms) termsBySource.get(number)?.add(term)
  const sourceCoverage = new Map([...termsBySource].map(([number, terms]) => [
    number,
    computeCoverage([...spelling.keys()].filter((term) => terms.has(term)), idf)
  ]))
  const hits = candidates.flatMap((candidate): ReadonlyArray<SentenceHit> => {
    const matched = [...spelling.keys()].filter((term) => candidate.terms.has(term))
    if (matched.length === 0) return []
    const score = bm25(candidate, idf, averageLength) *
      (1 + sourceCoverage.get(candidate.number)! + candidate.weight)
    return [{ ...candidate, matched, score: isQuestion(candidate.text) ? score / 4 : score }]
  })
  const matchedTerms = new Set(hits.flatMap(({ matched }) => matched))
  return {
    hits: hits.toSorted((a, b) => b.score - a.score),
    sentenceCount: candidates.length,
    coverage: computeCoverage([...matchedTerms], idf),
    missing: [...spelling].flatMap(([term, word]) => matchedTerms.has(term) || sources.length === 0 ? [] : [word]),
    spelling
  }
}

/** The question's words without stop words, each stem once. */
export const queryWords = (question: string): ReadonlyArray<string> => {
  const words = Tokenizer.tokenize(question)
  const meaningful = words.filter((word) => !Tokenizer.stopWords.has(word) && word.length > 1)
  const wordByStem = new Map((meaningful.length > 0 ? meaningful : words).map((word) => [Tokenizer.stem(word), word]))
  return [...wordByStem.values()].slice(0, 64)
}

/** The best `count` sentences that do not repeat each other, by score. */
export const bestSentences = (ranked: RankedSentences, count: number): ReadonlyArray<SentenceHit> => {
  const chosen: Array<SentenceHit> = []
  const prose = ranked.hits.filter(({ kind }) => kind === "prose")
  const [best] = prose
  if (best === undefined || ranked.coverage < minCoverage) return []
  for (const hit of prose) {
    if (chosen.length === count || hit.score < best.score * 0.35) break
    if (chosen.every((other) => overlap(other.terms, hit.terms) < 0.6)) chosen.push(hit)
  }
  return chosen
}

/** The best code block, if its score is at least half of the best score. */
export const bestCode = (ranked: RankedSentences): SentenceHit | undefined => {
  const [best] = ranked.hits
  if (best === undefined || ranked.coverage < minCoverage) return undefined
  return ranked.hits.find(({ kind, score }) => kind === "code" && score >= best.score * 0.5)
}

/** The numbers of the sources of the best sentences, best first. */
export const relevantSources = (ranked: RankedSentences): ReadonlyArray<number> => [
  ...new Set(bestSentences(ranked, 8).map(({ number }) => number))
]

/** The question's words that source `number` contains. */
export const matchedWords = (ranked: RankedSentences, number: number): ReadonlyArray<string> => [
  ...new Set(
    ranked.hits.filter((hit) => hit.number === number).flatMap(({ matched }) =>
      matched.flatMap((term) => ranked.spelling.get(term) ?? [])
    )
  )
]

/** The question's words that at least two sources contain. */
export const sharedWords = (ranked: RankedSentences): ReadonlyArray<string> =>
  [...ranked.spelling].flatMap(([term, word]) => {
    const sources = new Set(ranked.hits.filter(({ matched }) => matched.includes(term)).map(({ number }) => number))
    return sources.size > 1 ? [word] : []
  })

/** At most `max` units of a text, from the start of a line, around the sentence that answers the question best. */
export const excerpt = (question: string, text: string, max: number): string => {
  if (text.length <= max) return text
  const at = Math.max(0, text.indexOf(rankSentences(question, [{ number: 1, text, weight: 0 }]).hits[0]?.text ?? ""))
  // A third of the room is for what precedes the sentence.
  const from = at < max / 3 ? 0 : text.lastIndexOf("\n", at - max / 3) + 1
  return truncate(text.slice(at - from > max / 2 ? at : from), max)
}

/** Below this coverage, shared words are accidental. */
const minCoverage = 0.2

const toCandidates = (source: Source): ReadonlyArray<Candidate> =>
  SentenceSplitter.splitPassages(source.text).map(({ heading, kind, text }) => {
    const bodyTerms = Tokenizer.stemmedTerms(text)
    // A sentence is about the subject of its heading.
    return {
      kind,
      text,
      heading,
      number: source.number,
      weight: source.weight,
      bodyTerms,
      terms: new Set([...bodyTerms, ...Tokenizer.stemmedTerms(heading)])
    }
  })

/** The inverse document frequency of each term, with sentences as documents. */
const inverseDocumentFrequencies = (
  terms: ReadonlyArray<string>,
  candidates: ReadonlyArray<Candidate>
): ReadonlyMap<string, number> =>
  new Map(terms.map((term) => {
    const documentFrequency = candidates.filter((candidate) => candidate.terms.has(term)).length
    return [term, Math.log(1 + (candidates.length - documentFrequency + 0.5) / (documentFrequency + 0.5))]
  }))

const bm25 = (candidate: Candidate, idf: ReadonlyMap<string, number>, averageLength: number): number => {
  let score = 0
  for (const [term, weight] of idf) {
    if (!candidate.terms.has(term)) continue
    // In the heading only: less than one occurrence.
    const termFrequency = candidate.bodyTerms.filter((other) => other === term).length || 0.4
    score += weight * (termFrequency * 2.2) /
      (termFrequency + 1.2 * (0.5 + 0.5 * candidate.bodyTerms.length / Math.max(1, averageLength)))
  }
  return score
}

const computeCoverage = (terms: ReadonlyArray<string>, idf: ReadonlyMap<string, number>): number => {
  const sum = (weights: Iterable<number>) => [...weights].reduce((total, weight) => total + weight, 0)
  const totalWeight = sum(idf.values())
  return totalWeight === 0 ? 0 : sum(terms.map((term) => idf.get(term) ?? 0)) / totalWeight
}

/** A question does not answer a question: its score is reduced. */
const isQuestion = (text: string): boolean => text.endsWith("?")

const overlap = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  const sharedCount = [...a].filter((term) => b.has(term)).length
  return sharedCount / Math.max(1, Math.min(a.size, b.size))
}
