/**
 * Renders a run of the Chorus as text for a terminal, incrementally: the steps with their text as it is streamed, then
 * the citations of the answer. Pure: `render` maps the printed state to the next output.
 */
import { type PlainRun, type PlainStep, type Step, steps } from "../domain/chorus/ChorusModel.ts"
import { displayText } from "../domain/chorus/ChorusOutput.ts"
import { collectPriors } from "../domain/chorus/ChorusProgress.ts"
import { isFinished } from "../domain/chorus/ChorusRun.ts"
import { excerpt } from "../domain/protocol/Excerpt.ts"
import { aside, indent, name, type TerminalText } from "./TerminalText.ts"

/** How much of a run was printed. */
export interface Printed {
  /** Number of steps printed completely. */
  readonly steps: number
  /** Whether the heading of the next step was printed. */
  readonly headingPrinted: boolean
  /** The text of that step printed so far. */
  readonly text: string
  /** Whether the outcome was printed. */
  readonly ended: boolean
}

/** Nothing printed. */
export const initial: Printed = { steps: 0, headingPrinted: false, text: "", ended: false }

/** The streamed text of the run's current step. */
export interface RunProgress {
  readonly loop: number
  readonly step: string
  readonly text: string
}

const stepName = (step: Step): string => step.charAt(0).toUpperCase() + step.slice(1)

/** The text to print next, and the printed state after it. */
export const render = (
  printed: Printed,
  run: PlainRun,
  progress: RunProgress | undefined
): readonly [printed: Printed, text: TerminalText] => {
  if (printed.ended) return [printed, []]
  let position = printed
  const output: Array<TerminalText[number]> = []
  for (const record of run.steps.slice(printed.steps)) {
    output.push(
      ...renderHeading(position, record),
      remainingText(position.text, displayText(record.output)),
      ...renderStepFacts(record, run),
      "\n\n"
    )
    position = { ...initial, steps: position.steps + 1 }
  }
  if (isFinished(run)) return [{ ...position, ended: true }, [...output, ...renderOutcome(position, run)]]
  const currentText = progress?.loop === run.loop && progress.step === run.current_step ? progress.text : ""
  if (run.status !== "running" || currentText === "") return [position, output]
  return [
    { ...position, headingPrinted: true, text: currentText },
    [
      ...output,
      ...renderHeading(position, { step: run.current_step, loop: run.loop }),
      remainingText(position.text, currentText)
    ]
  ]
}

/** The step's name, and before the first step of a repetition its number. */
const renderHeading = (position: Printed, { loop, step }: Pick<PlainStep, "loop" | "step">): TerminalText =>
  position.headingPrinted
    ? []
    : [...loop > 0 && step === steps[0] ? [aside(`Pass ${loop + 1}`), "\n"] : [], name(stepName(step)), "\n  "]

/** The rest of a text whose beginning was printed; all of it if its beginning has changed. */
const remainingText = (printed: string, current: string): string =>
  current.startsWith(printed) ? indent(current).slice(indent(printed).length) : indent(`\n${current}`)

/** The facts of a step: priors, decision, model, duration. */
const renderStepFacts = ({ output, step, usage }: PlainStep, run: PlainRun): TerminalText => {
  const facts = output._tag === "experience"
    ? [`${output.priors.length} priors`]
    : output._tag === "update"
    ? [output.loop ? "repeats from Action" : "continues with Yield"]
    : []
  const model = step === steps[0] || step === "yield" ? [usage.model] : []
  const priors = collectPriors(run)
  const citations = output._tag === "experience"
    ? output.priors.flatMap((prior) => {
      const number = priors.findIndex((candidate) => candidate.id === prior.id) + 1
      return ["\n  ", aside(`[${number}] ${prior.similarity.toFixed(2)}  ${toOneLine(prior.content)}`)]
    })
    : []
  return [...citations, "\n  ", aside([...facts, ...model, `${usage.latency_ms} ms`].join(" · "))]
}

/** In UTF-16 units. */
const maxLineLength = 90

/** The beginning of a text on one line. */
export const toOneLine = (text: string): string => excerpt(text, maxLineLength)

/** The outcome: the citations of the answer, or why there is none. */
const renderOutcome = (position: Printed, run: PlainRun): TerminalText => {
  if (run.status === "cancelled") return [`${position.headingPrinted ? "\n\n" : ""}The run was cancelled.\n`]
  if (run.status === "failed") {
    const reason = run.error_state?.message ?? "no reason was recorded"
    return [`${position.headingPrinted ? "\n\n" : ""}The Chorus could not answer: ${reason}\n`]
  }
  const output = run.steps.at(-1)?.output
  if (output?._tag !== "yield") return []
  if (output.citations.length === 0) return ["The answer has no citations.\n"]
  const priors = collectPriors(run)
  const lines = output.citations.flatMap(({ prior: id, quote }) => {
    const index = priors.findIndex((candidate) => candidate.id === id)
    const prior = priors[index]
    return [
      `  [${index + 1}] “${toOneLine(quote ?? prior?.content ?? "")}” `,
      aside(`${prior?.author.slice(0, 8) ?? ""} in ${prior?.thread ?? ""}`),
      "\n"
    ]
  })
  return [name("Citations"), "\n", ...lines]
}
