/**
 * The outputs of the six steps: which text is displayed, and which references are accepted: only those to priors that the
 * run itself has found (CHO10, CHO11). Everything else in an output is text.
 */
import { Array as Arr } from "effect"
import type { Prior, SealedOutput, SealedOutputOf, StepOutput } from "./ChorusModel.ts"

/** The text of an output that is displayed, and streamed while it is written (CHO5). */
export const displayText = (output: StepOutput): string => {
  switch (output._tag) {
    case "action":
      return output.proposed_response
    case "experience":
      return output.synthesis
    case "intention":
      return output.explicit
    case "observation":
      return output.context_analysis
    case "update":
      return output.reason
    case "yield":
      return output.final_response
  }
}

/**
 * CHO10, CHO11: the output without references to anything but `priors`, without duplicates, and with at most
 * `maxCitations` citations. Per prior the first quote that it contains is kept; other quotes are dropped.
 */
export const sanitiseOutput = (
  output: SealedOutput,
  priors: ReadonlyArray<Prior>,
  maxCitations: number
): SealedOutput => {
  const priorsById = new Map(priors.map((prior) => [prior.id, prior]))
  switch (output._tag) {
    case "action":
    case "update":
      return output
    case "experience":
      return { ...output, priors: Arr.dedupeWith(output.priors, (a, b) => a.id === b.id) }
    case "intention":
      return { ...output, selected_priors: [...new Set(output.selected_priors)].filter((id) => priorsById.has(id)) }
    case "observation":
      return { ...output, semantic_links: output.semantic_links.filter((link) => priorsById.has(link.prior)) }
    case "yield":
      return {
        ...output,
        citations: mergeCitations(output.citations, priorsById).slice(0, maxCitations)
      }
  }
}

type Citations = SealedOutputOf<"yield">["citations"]

const mergeCitations = (citations: Citations, priorsById: ReadonlyMap<string, Prior>): Citations => {
  const quotes = new Map<string, Citations[number]["quote"]>()
  for (const { prior: id, quote } of citations) {
    const prior = priorsById.get(id)
    if (prior === undefined) continue
    quotes.set(id, quotes.get(id) ?? (quote?.text && prior.content.includes(quote.text) ? quote : null))
  }
  return Array.from(quotes, ([prior, quote]) => ({ prior, quote }))
}
