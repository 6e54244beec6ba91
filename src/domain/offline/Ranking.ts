/**
 * Which sentences of some texts answer a question best: BM25 over sentences,
 * with a share for what stands around them.
 */
import { clip } from "../chorus/Sections.ts"
import * as Units from "./Units.ts"
import * as Words from "./Words.ts"

/** A text to choose from. `weight` is its similarity to the question by other means, 0 if unknown. */
export interface Source {
  readonly number: number
  readonly text: string
  readonly weight: number
}

/** A sentence or a block of code, `text` as it stands in source `number`. `matched` holds stems of the question. */
export interface Hit extends Units.Unit {
  readonly number: number
  readonly score: number
  readonly terms: ReadonlySet<string>
  readonly matched: ReadonlyArray<string>
}

/** All sentences that share a word with the question, best first. */
export interface Ranked {
  readonly hits: ReadonlyArray<Hit>
  /** How many sentences were compared. */
  readonly size: number
  /** How much of the question the hits cover, 0 to 1, rare words counting more. */
  readonly coverage: number
  /** Words of the question that are found nowhere. */
  readonly missing: ReadonlyArray<string>
  /** How the question's stems are written in it. */
  readonly spelling: ReadonlyMap<string, string>
}

interface Candidate extends Units.Unit {
  readonly number: number
  readonly weight: number
  readonly all: ReadonlyArray<string>
  readonly terms: ReadonlySet<string>
}

/** Compares every sentence of `sources` with `question`. */
export const rank = (question: string, sources: ReadonlyArray<Source>): Ranked => {
  const spelling = new Map(queryWords(question).map((word) => [Words.stem(word), word]))
  const candidates = sources.flatMap(candidatesOf)
  const rarity = rarities([...spelling.keys()], candidates)
  const length = candidates.reduce((sum, { all }) => sum + all.length, 0) / Math.max(1, candidates.length)
  const around = new Map(sources.map(({ number }) => [number, new Set<string>()]))
  for (const { number, terms } of candidates) for (const term of terms) around.get(number)?.add(term)
  const context = new Map([...around].map(([number, terms]) => [
    number,
    share([...spelling.keys()].filter((term) => terms.has(term)), rarity)
  ]))
  const hits = candidates.flatMap((candidate): ReadonlyArray<Hit> => {
    const matched = [...spelling.keys()].filter((term) => candidate.terms.has(term))
    if (matched.length === 0) return []
    const score = bm25(candidate, rarity, length) * (1 + (context.get(candidate.number) ?? 0) + candidate.weight)
    return [{ ...candidate, matched, score: asks(candidate.text) ? score / 4 : score }]
  })
  const found = new Set(hits.flatMap(({ matched }) => matched))
  return {
    hits: hits.toSorted((a, b) => b.score - a.score),
    size: candidates.length,
    coverage: share([...found], rarity),
    missing: [...spelling].flatMap(([term, word]) => found.has(term) || sources.length === 0 ? [] : [word]),
    spelling
  }
}

/** The question's meaningful words as they are written, each once. */
export const queryWords = (question: string): ReadonlyArray<string> => {
  const words = Words.words(question)
  const meaningful = words.filter((word) => !Words.fillers.has(word) && word.length > 1)
  const once = new Map((meaningful.length > 0 ? meaningful : words).map((word) => [Words.stem(word), word]))
  return [...once.values()].slice(0, 64)
}

/** The best `count` sentences that do not repeat each other, in the order of their scores. */
export const best = (ranked: Ranked, count: number): ReadonlyArray<Hit> => {
  const chosen: Array<Hit> = []
  const prose = ranked.hits.filter(({ kind }) => kind === "prose")
  const enough = (prose[0]?.score ?? 0) * 0.35
  if (ranked.coverage < least) return []
  for (const hit of prose) {
    if (chosen.length === count || hit.score < enough) break
    if (chosen.every((other) => overlap(other.terms, hit.terms) < 0.6)) chosen.push(hit)
  }
  return chosen
}

/** The block of code that matches best, if it matches about as well as the prose does. */
export const bestCode = (ranked: Ranked): Hit | undefined => {
  const code = ranked.hits.find(({ kind }) => kind === "code")
  const top = ranked.hits[0]?.score ?? 0
  return code !== undefined && ranked.coverage >= least && code.score >= top * 0.5 ? code : undefined
}

/** Numbers of the sources that the best sentences stand in, best first. */
export const useful = (ranked: Ranked): ReadonlyArray<number> => [
  ...new Set(best(ranked, 8).map(({ number }) => number))
]

/** The question's words that source `number` holds. */
export const matchedBy = (ranked: Ranked, number: number): ReadonlyArray<string> => [
  ...new Set(
    ranked.hits.filter((hit) => hit.number === number).flatMap(({ matched }) =>
      matched.flatMap((term) => ranked.spelling.get(term) ?? [])
    )
  )
]

/** The question's words that at least two sources hold. */
export const shared = (ranked: Ranked): ReadonlyArray<string> =>
  [...ranked.spelling].flatMap(([term, word]) => {
    const holders = new Set(ranked.hits.filter(({ matched }) => matched.includes(term)).map(({ number }) => number))
    return holders.size > 1 ? [word] : []
  })

/** At most `max` units of a text, from a line's start, with the sentence in them that answers the question best. */
export const excerpt = (question: string, text: string, max: number): string => {
  if (text.length <= max) return text
  const at = Math.max(0, text.indexOf(rank(question, [{ number: 1, text, weight: 0 }]).hits[0]?.text ?? ""))
  // A third of the room for what stands before.
  const from = at < max / 3 ? 0 : text.lastIndexOf("\n", at - max / 3) + 1
  return clip(text.slice(at - from > max / 2 ? at : from), max)
}

/** Below this coverage sentences share a word with the question by chance. */
const least = 0.2

const candidatesOf = (source: Source): ReadonlyArray<Candidate> =>
  Units.split(source.text).map(({ heading, kind, text }) => {
    const all = Words.terms(text)
    // A sentence is about what its heading says, even if it does not repeat it.
    return {
      kind,
      text,
      heading,
      number: source.number,
      weight: source.weight,
      all,
      terms: new Set([...all, ...Words.terms(heading)])
    }
  })

/** Inverse document frequency of each term over the sentences: a term found nowhere is the rarest. */
const rarities = (terms: ReadonlyArray<string>, candidates: ReadonlyArray<Candidate>): ReadonlyMap<string, number> =>
  new Map(terms.map((term) => {
    const holders = candidates.filter((candidate) => candidate.terms.has(term)).length
    return [term, Math.log(1 + (candidates.length - holders + 0.5) / (holders + 0.5))]
  }))

const bm25 = (candidate: Candidate, rarity: ReadonlyMap<string, number>, average: number): number => {
  let score = 0
  for (const [term, weight] of rarity) {
    if (!candidate.terms.has(term)) continue
    // Found in the heading only: less than once.
    const times = candidate.all.filter((other) => other === term).length || 0.4
    score += weight * (times * 2.2) / (times + 1.2 * (0.5 + 0.5 * candidate.all.length / Math.max(1, average)))
  }
  return score
}

const share = (terms: ReadonlyArray<string>, rarity: ReadonlyMap<string, number>): number => {
  const sum = (weights: Iterable<number>) => [...weights].reduce((total, weight) => total + weight, 0)
  const whole = sum(rarity.values())
  return whole === 0 ? 0 : sum(terms.map((term) => rarity.get(term) ?? 0)) / whole
}

/** A question is a poor answer. */
const asks = (text: string): boolean => text.endsWith("?")

const overlap = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  const common = [...a].filter((term) => b.has(term)).length
  return common / Math.max(1, Math.min(a.size, b.size))
}
