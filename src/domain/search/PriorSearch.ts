/**
 * The search for priors (CHO4): what Experience searches for, which results every reader of the thread may read (CHO13),
 * and what the run is shown of them. Pure; `layers/search/PriorsLive` and `layers/chorus/ChorusLive` ask the index.
 */
import type { PlainRun, Prior } from "../chorus/ChorusModel.ts"
import { displayText } from "../chorus/ChorusOutput.ts"
import { promptLimits } from "../chorus/ChorusPrompt.ts"
import { excerpt } from "../chorus/extractive/Bm25.ts"
import * as ExtractiveModel from "../chorus/extractive/ExtractiveModel.ts"
import type { TopicId } from "../protocol/Ids.ts"
import { canAllRead, type Readers } from "../topic/TopicAccess.ts"
import type { Hit } from "./VectorPoint.ts"

/** The number of nearest points that a search returns. */
export const candidateLimit = 80

/** The number of them that a run is given. */
export const maxPriors = 10

/** The longest question, in UTF-16 units, that is searched for beside Action's answer. */
const maxSearchedQuestion = 25_000

/** CHO4: the text that Experience searches for: the question, and Action's answer to it. */
export const searchText = (run: PlainRun): string => {
  const action = run.steps.findLast(({ step }) => step === "action")
  const answer = action === undefined ? "" : displayText(action.output)
  // Of the built-in model only the quotes: its own sentences are the same in every answer.
  const searchedAnswer = action?.usage.model === ExtractiveModel.modelName
    ? ExtractiveModel.extractQuotes(answer)
    : answer
  const question = run.prompt.length > maxSearchedQuestion && searchedAnswer !== "" ? "" : run.prompt
  return `${question}\n\n${searchedAnswer}`.trim()
}

/**
 * CHO13, SEC10: only the hits that every reader of `thread` may read, whatever the index holds. `readers` are those of
 * the threads at this moment; in a thread that is not among them, or for one, nothing may be shown.
 */
export const authoriseHits = (
  hits: ReadonlyArray<Hit>,
  thread: TopicId,
  readers: ReadonlyMap<TopicId, Readers>
): ReadonlyArray<Hit> => {
  const audience = readers.get(thread)
  if (audience === undefined) return []
  const readable = new Set<TopicId>()
  for (const [other, itsReaders] of readers) if (canAllRead(audience, itsReaders)) readable.add(other)
  return hits.filter((hit) => readable.has(hit.payload.thread))
}

/**
 * CHO4: the best hits, in order. Identical texts are collapsed to the earliest, and of one message only the best chunk
 * is kept: ids and texts of the result are unique, also where two threads gave a message the same id.
 */
export const selectPriors = (hits: ReadonlyArray<Hit>): ReadonlyArray<Prior> =>
  keepEarliest(keepEarliest(hits, (hit) => hit.payload.content_hash), (hit) => hit.payload.message)
    .slice(0, maxPriors)
    .map(toPrior)

/** One hit per key, at the place of the first with that key; the earliest of them, the first among equals. */
const keepEarliest = (hits: ReadonlyArray<Hit>, key: (hit: Hit) => string): ReadonlyArray<Hit> => {
  const earliestByKey = new Map<string, Hit>()
  for (const hit of hits) {
    const existing = earliestByKey.get(key(hit))
    if (existing === undefined || hit.payload.created_at < existing.payload.created_at) earliestByKey.set(key(hit), hit)
  }
  return Array.from(earliestByKey.values())
}

/**
 * TOP10: in tenths, from 0. It stays in the log when the text is erased, and whoever can guess at the text can compute it: a
 * finer one tells which guess is right.
 */
const coarseSimilarity = (score: number): number => Math.round(Math.min(1, Math.max(0, score)) * 10) / 10

const toPrior = ({ payload, score }: Hit): Prior => ({
  id: payload.message,
  content: payload.content,
  author: payload.author,
  ...(payload.owner === undefined ? undefined : { owner: payload.owner }),
  thread: payload.thread,
  seq: payload.text_seq,
  c: payload.c,
  similarity: coarseSimilarity(score),
  created_at: payload.created_at
})

/** The prior with the part of a long text that answers the question best. */
export const excerptPrior = ({ prompt }: PlainRun, prior: Prior): Prior => ({
  ...prior,
  content: excerpt(prompt, prior.content, promptLimits.prior)
})

/** FLT13: the note of Experience, and of later prompts, when the search is not available. */
export const priorsUnavailableNote =
  "Earlier messages of the group could not be searched right now; this run continues without them."

/** FLT13: whether this loop's Experience ran without a search: later steps must not treat that as an empty result. */
export const ranWithoutSearch = (run: PlainRun): boolean =>
  run.steps.some(({ loop, output }) =>
    loop === run.loop && output._tag === "experience" && output.synthesis.startsWith(priorsUnavailableNote)
  )
