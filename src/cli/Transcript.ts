/**
 * A run of the Chorus as running text: each step under its name, its words as
 * they come, and at the end what the answer cites. Pure: what has been printed
 * goes in, what is to be printed comes out.
 */
import { type ChorusState, type Step, type StepRecord, steps } from "../domain/chorus/Chorus.ts"
import { priorsOf } from "../domain/chorus/ChorusFindings.ts"
import { textOf } from "../domain/chorus/ChorusOutput.ts"
import { isOver } from "../domain/chorus/ChorusRun.ts"

/** How far a run has been printed. */
export interface Printed {
  /** Steps that stand there whole. */
  readonly steps: number
  /** Of the step after those: whether its name stands there, and which of its words. */
  readonly named: boolean
  readonly text: string
  readonly ended: boolean
}

export const nothing: Printed = { steps: 0, named: false, text: "", ended: false }

/** Text of the run's current step as far as it has come. */
export interface Running {
  readonly loop: number
  readonly step: string
  readonly text: string
}

/** How names and side remarks are set off; nothing where the output is no terminal. */
export interface Style {
  readonly name: (text: string) => string
  readonly aside: (text: string) => string
}

export const plain: Style = { name: (text) => text, aside: (text) => text }
export const terminal: Style = {
  name: (text) => `\u001b[1m${text}\u001b[0m`,
  aside: (text) => `\u001b[2m${text}\u001b[0m`
}

const nameOf = (step: Step): string => step.charAt(0).toUpperCase() + step.slice(1)
const indent = (text: string): string => text.replace(/\n(?!\n|$)/g, "\n  ")

/** What there is to print now, and what stands there afterwards. */
export const advance = (
  printed: Printed,
  run: ChorusState,
  running: Running | undefined,
  style: Style
): readonly [printed: Printed, text: string] => {
  if (printed.ended) return [printed, ""]
  let at = printed
  let out = ""
  for (const record of run.steps.slice(printed.steps)) {
    out += heading(at, record.step, style) + words(at.text, textOf(record.output)) + remarks(record, run, style) +
      "\n\n"
    at = { ...nothing, steps: at.steps + 1 }
  }
  if (isOver(run)) return [{ ...at, ended: true }, out + ending(at, run, style)]
  const now = running?.loop === run.loop && running.step === run.current_step ? running.text : ""
  if (run.status !== "running" || now === "") return [at, out]
  return [{ ...at, named: true, text: now }, out + heading(at, run.current_step, style) + words(at.text, now)]
}

const heading = (at: Printed, step: Step, style: Style): string => at.named ? "" : `${style.name(nameOf(step))}\n  `

/** The rest of a text of which some stands there; all of it when it has become another. */
const words = (before: string, now: string): string =>
  indent(now.startsWith(before) ? now.slice(before.length) : `\n${now}`)

/** What a step found, beside its words. */
const remarks = ({ output, step, usage }: StepRecord, run: ChorusState, style: Style): string => {
  const facts = output._tag === "experience"
    ? [`${output.priors.length} priors`]
    : output._tag === "update"
    ? [output.loop ? "once more from Action" : "on to Yield"]
    : []
  const model = step === steps[0] || step === "yield" ? [usage.model] : []
  const found = output._tag === "experience"
    ? output.priors.map((prior) => {
      const number = priorsOf(run).findIndex((one) => one.id === prior.id) + 1
      return `\n  ${style.aside(`[${number}] ${prior.similarity.toFixed(2)}  ${oneLine(prior.content)}`)}`
    })
    : []
  return `${found.join("")}\n  ${style.aside([...facts, ...model, `${usage.latency_ms} ms`].join(" · "))}`
}

const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim()
  return line.length > 90 ? `${line.slice(0, 89).trimEnd()}…` : line
}

/** How it ended: the citations of an answer, or the reason why there is none. */
const ending = (at: Printed, run: ChorusState, style: Style): string => {
  if (run.status === "cancelled") return `${at.named ? "\n\n" : ""}The run was cancelled.\n`
  if (run.status === "failed") {
    return `${at.named ? "\n\n" : ""}The Chorus could not answer: ${run.error_state?.message ?? "nobody knows why"}\n`
  }
  const output = run.steps.at(-1)?.output
  if (output?._tag !== "yield") return ""
  if (output.citations.length === 0) return "The answer cites nothing.\n"
  const priors = priorsOf(run)
  const lines = output.citations.map(({ prior: id, quote }) => {
    const index = priors.findIndex((one) => one.id === id)
    const prior = priors[index]
    return `  [${index + 1}] “${quote === "" ? oneLine(prior?.content ?? "") : oneLine(quote)}” ${
      style.aside(`${prior?.author.slice(0, 8) ?? ""} in ${prior?.thread ?? ""}`)
    }`
  })
  return `${style.name("Citations")}\n${lines.join("\n")}\n`
}
