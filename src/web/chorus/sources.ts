/** What an answer stands on: its sources by number, and whether the quoted words stand in them. Pure. */
import type { Prior, StepOutputOf } from "../../domain/chorus/ChorusModel.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"

/** What the page can say about a source's quote. A quote is shown as one only if it is `verbatim`. */
export type Evidence = "verbatim" | "notFound" | "uncited" | "erased"

/** A source of an answer. `number` is how the answer's text refers to it. */
export interface Source {
  readonly number: number
  readonly prior: Prior
  readonly evidence: Evidence
  /** The quoted words; empty unless they are verbatim. */
  readonly quote: string
}

/** The source with this number; undefined if the run found none with it. `priors` are all that it found. */
export const findSource = (
  { citations }: StepOutputOf<"yield">,
  priors: ReadonlyArray<Prior>,
  number: number
): Source | undefined => {
  const prior = priors[number - 1]
  if (prior === undefined) return undefined
  const citation = citations.find((citation) => citation.prior === prior.id)
  const evidence = judge(prior, citation?.quote)
  return { number, prior, evidence, quote: evidence === "verbatim" ? citation?.quote ?? "" : "" }
}

/** A citation's quote is null when the model gave none that its prior contains. */
const judge = ({ content }: Prior, quote: string | null | undefined): Evidence => {
  if (content === erasedMark) return "erased"
  if (quote === undefined) return "uncited"
  return quote !== null && quote !== "" && content.includes(quote) ? "verbatim" : "notFound"
}

/** The cited sources, by number. */
export const citedSources = (answer: StepOutputOf<"yield">, priors: ReadonlyArray<Prior>): ReadonlyArray<Source> => {
  const cited = new Set(answer.citations.map(({ prior }) => prior))
  return priors.flatMap(({ id }, index) => cited.has(id) ? findSource(answer, priors, index + 1) ?? [] : [])
}

/** A passage around its quoted words; all of it is `before` where there are none. */
export const splitPassage = (
  { prior: { content }, quote }: Source
): { readonly before: string; readonly quote: string; readonly after: string } => {
  const start = quote === "" ? content.length : content.indexOf(quote)
  return { before: content.slice(0, start), quote, after: content.slice(start + quote.length) }
}
