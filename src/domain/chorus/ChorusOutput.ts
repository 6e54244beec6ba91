/**
 * The outputs of the six steps: which text people read, and what of a model's
 * output is believed: only references to what the run itself has found (CHO10,
 * CHO11). Everything else in an output is text.
 */
import type { Citation, Prior, StepOutput } from "./ChorusModel.ts"

/** The text of a step's output that people read, and that streams while it is written. */
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

/** Drops references to anything but `priors`, duplicates, and all citations beyond `most`; empties invented quotes. */
export const sanitiseOutput = (output: StepOutput, priors: ReadonlyArray<Prior>, maxCitations: number): StepOutput => {
  const priorsById = new Map(priors.map((prior) => [prior.id, prior]))
  switch (output._tag) {
    case "action":
    case "update":
      return output
    case "experience":
      return { ...output, priors: uniqueBy(output.priors, (prior) => prior.id) }
    case "intention":
      return { ...output, selected_priors: [...new Set(output.selected_priors)].filter((id) => priorsById.has(id)) }
    case "observation":
      return { ...output, semantic_links: output.semantic_links.filter((link) => priorsById.has(link.prior)) }
    case "yield":
      return {
        ...output,
        citations: uniqueBy(output.citations, (citation) => citation.prior)
          .flatMap((citation) => verifyCitation(citation, priorsById.get(citation.prior)))
          .slice(0, maxCitations)
      }
  }
}

const verifyCitation = (citation: Citation, prior: Prior | undefined): ReadonlyArray<Citation> =>
  prior === undefined
    ? []
    : [{ prior: citation.prior, quote: prior.content.includes(citation.quote) ? citation.quote : "" }]

/** The first of each key. */
const uniqueBy = <A>(items: ReadonlyArray<A>, key: (item: A) => string): ReadonlyArray<A> => {
  const seen = new Set<string>()
  return items.filter((item) => !seen.has(key(item)) && seen.add(key(item)))
}
