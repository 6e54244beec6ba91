/**
 * What an erased text takes with it in a thread (TOP10): an open submission without its text is cancelled, and a run that was
 * given the text ends. `Erasure` has the rules that all kinds share.
 */
import type { ChorusState } from "../chorus/ChorusModel.ts"
import type { Author, EventAddress } from "../protocol/Ids.ts"
import type { Derivation, TextAddress } from "../topic/Derivation.ts"
import type { Erased } from "../topic/Erasure.ts"
import { textsIn } from "../topic/SealedText.ts"
import type { Answer, Event, EventOf, State } from "./ThreadModel.ts"
import * as ThreadRuns from "./ThreadRuns.ts"
import * as ThreadSubmissions from "./ThreadSubmissions.ts"

/** Who wrote the words of an event, and the owner of an agent that did (AUT8): of a submission, the ledger has offered it. */
export const authorsOf = (event: Event): ReadonlyArray<Author | undefined> | undefined =>
  event._tag === "SubmissionOpened" ? [event.author, event.owner] : undefined

/** The texts that an output of Experience was made from: those of the priors that it found. */
export const sourcesOf = (event: Event): ReadonlyArray<TextAddress> =>
  event._tag === "StepCompleted" && event.output._tag === "experience"
    ? event.output.priors.map(({ c, seq, thread }) => ({ topic: thread, seq, c }))
    : []

/** The events that follow from an erasure, on the state after it. */
export const decideErased = (state: State, { at, because, by, seq, texts }: Erased): ReadonlyArray<Event> => {
  const commitments = new Set(texts)
  const source = because ?? { topic: state.id, seq }
  const events: Array<Event> = [...ThreadSubmissions.cancelErased(state, commitments, at)]
  let marked = state
  // The queued ones first, so that none of them is the next to start.
  for (const { prompt_id } of state.runs.filter((run) => isGiven(run, commitments)).toReversed()) {
    const mark = { _tag: "SourceErased", prompt_id, because: source } as const
    const changes = ThreadRuns.markSourceErased(marked, mark, by, at)
    events.push(...changes)
    marked = changes.reduce(ThreadRuns.evolve, marked)
  }
  return events
}

/** Whether a run was given a text with one of these commitments, or has made one. */
const isGiven = (run: ChorusState, commitments: ReadonlySet<string>): boolean =>
  textsIn(run).some(({ text }) => commitments.has(text.c)) ||
  run.steps.some(({ output }) => output._tag === "experience" && output.priors.some(({ c }) => commitments.has(c)))

/** How an output of a run was made from erased texts: the run was given them, or this output found them. */
export const derivationOf = (
  state: State,
  event: Event,
  commitments: ReadonlySet<string>,
  because: EventAddress
): Derivation<Answer> | undefined => {
  if (event._tag !== "StepCompleted" && event._tag !== "PartialKept") return undefined
  const run = state.runs.find(({ prompt_id }) => prompt_id === event.prompt_id)
  const copies = copiesIn(run, event, commitments)
  return run === undefined || copies.length === 0 && !isGiven(run, commitments) ? undefined : {
    copies,
    mark: { _tag: "SourceErased", prompt_id: run.prompt_id, because }
  }
}

/** The passages of erased priors, and the quotes from them. */
const copiesIn = (
  run: ChorusState | undefined,
  event: EventOf<"StepCompleted"> | EventOf<"PartialKept">,
  commitments: ReadonlySet<string>
): ReadonlyArray<string> => {
  if (event._tag === "PartialKept") return []
  const { output } = event
  if (output._tag === "experience") {
    return output.priors.flatMap(({ c }, i) => commitments.has(c) ? [`/output/priors/${i}/content`] : [])
  }
  if (output._tag !== "yield") return []
  const erasedPriors = new Set(
    (run?.steps ?? []).flatMap(({ output }) =>
      output._tag === "experience" ? output.priors.filter(({ c }) => commitments.has(c)).map(({ id }) => id) : []
    )
  )
  return output.citations.flatMap(({ prior, quote }, i) =>
    quote !== null && erasedPriors.has(prior) ? [`/output/citations/${i}/quote`] : []
  )
}
