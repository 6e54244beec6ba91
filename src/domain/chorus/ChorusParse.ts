/**
 * Reads what a model answered to a `ChorusPrompt`: text, the marker, data.
 *
 * A model's answer is text and nothing else: it can name priors of its own run
 * and no other thing, and it carries no command (CHO11).
 */
import { Result, Schema } from "effect"
import { cut, isHighSurrogate } from "../protocol/Text.ts"
import type { ChorusState, Citation, Prior, StepOutput } from "./ChorusModel.ts"
import { delimiter, numberPriors } from "./ChorusPrompt.ts"
import { truncate } from "./PromptQuoting.ts"

/** Sizes of what is kept of an answer, in UTF-16 units and items. What is longer is cut. */
export const outputLimits = { lead: 32_768, text: 4_000, item: 1_000, items: 20, data: 65_536 } as const

/** The answer cannot be used. */
export class MalformedModelOutput extends Schema.TaggedError<MalformedModelOutput>()("MalformedModelOutput", {
  fault: Schema.Literals(["no text", "no data", "broken JSON", "wrong fields"])
}) {
  override get message() {
    return `the model's answer could not be read: ${this.fault}`
  }
}

/**
 * What of an answer's text, as far as it has come, may be shown: never a part of the marker or of what follows it.
 * What is visible of a text is the beginning of what is visible of any continuation, and in the end the step's lead.
 */
export const streamablePrefix = (text: string): string => extractLead(stripControlCharacters(text))

const extractLead = (plain: string): string => {
  const delimiterIndex = plain.indexOf(delimiter)
  const beforeDelimiter = delimiterIndex >= 0
    ? plain.slice(0, delimiterIndex)
    : plain.slice(0, plain.length - delimiterOverlap(plain))
  return cut(beforeDelimiter.toWellFormed().trim(), outputLimits.lead)
}

/** How many of the last units may be the beginning of the marker, or half of a character. */
const delimiterOverlap = (text: string): number => {
  for (let length = Math.min(delimiter.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(delimiter.slice(0, length))) return length
  }
  return isHighSurrogate(text.charCodeAt(text.length - 1)) ? 1 : 0
}

/** Without control characters, except line feeds and tabs: before anything is looked for, so that they hide nothing. */
const stripControlCharacters = (text: string): string => text.replaceAll(/[^\P{Cc}\n\t]/gu, "")

/**
 * The output of the run's current step, out of the whole answer. `found` is what Experience found.
 * Numbers out of range, foreign ids and surplus items are dropped; a quote that its prior does not hold is emptied.
 */
export const parseOutput = (
  run: ChorusState,
  foundPriors: ReadonlyArray<Prior>,
  text: string
): Result.Result<StepOutput, MalformedModelOutput> => {
  const plain = stripControlCharacters(text)
  const lead = extractLead(plain)
  if (lead === "") return fail("no text")
  const delimiterIndex = plain.indexOf(delimiter)
  if (delimiterIndex < 0) return fail("no data")
  return Result.flatMap(extractJson(plain.slice(delimiterIndex + delimiter.length)), (data) => {
    const fields = decodeFields(typeof data === "object" ? { ...data, _tag: run.current_step } : data)
    return Result.isFailure(fields)
      ? fail("wrong fields")
      : Result.succeed(buildOutput(lead, fields.success, foundPriors, numberPriors(run, foundPriors)))
  })
}

const fail = (fault: MalformedModelOutput["fault"]) => Result.fail(new MalformedModelOutput({ fault }))

/** The object between the first and the last brace: code fences and chatter around it do no harm. */
const extractJson = (text: string): Result.Result<unknown, MalformedModelOutput> => {
  const from = text.indexOf("{")
  const to = text.lastIndexOf("}")
  if (from < 0 || to < from) return fail("no data")
  return to - from > outputLimits.data
    ? fail("broken JSON")
    : Result.try({
      try: (): unknown => JSON.parse(text.slice(from, to + 1)),
      catch: () => new MalformedModelOutput({ fault: "broken JSON" })
    })
}

// -- The fields of each step, as models write them ------------------------------

/** A prior as a model names it: its number, or its id. */
const PriorReference = Schema.Union([Schema.Finite, Schema.String])

const StepFields = Schema.TaggedUnion({
  action: { confidence: Schema.Finite, reasoning: Schema.String },
  experience: { key_insights: Schema.Array(Schema.String) },
  intention: { implicit: Schema.String, selected_priors: Schema.Array(PriorReference), reason: Schema.String },
  observation: {
    patterns: Schema.Array(Schema.String),
    semantic_links: Schema.Array(Schema.Struct({ prior: PriorReference, relation: Schema.String }))
  },
  update: { loop: Schema.Boolean, confidence: Schema.Finite },
  yield: {
    citations: Schema.Array(Schema.Struct({ prior: PriorReference, quote: Schema.String })),
    confidence: Schema.Finite
  }
})
type StepFields = typeof StepFields.Type

const decodeFields = Schema.decodeUnknownResult(StepFields)

const buildOutput = (
  lead: string,
  fields: StepFields,
  foundPriors: ReadonlyArray<Prior>,
  priors: ReadonlyArray<Prior>
): StepOutput => {
  switch (fields._tag) {
    case "action":
      return {
        _tag: "action",
        proposed_response: lead,
        confidence: clampToUnitInterval(fields.confidence),
        reasoning: cleanText(fields.reasoning)
      }
    case "experience":
      return { _tag: "experience", synthesis: lead, key_insights: cleanTexts(fields.key_insights), priors: foundPriors }
    case "intention":
      return {
        _tag: "intention",
        explicit: lead,
        implicit: cleanText(fields.implicit),
        selected_priors: [...new Set(fields.selected_priors.flatMap((name) => resolvePrior(priors, name)?.id ?? []))],
        reason: cleanText(fields.reason)
      }
    case "observation":
      return {
        _tag: "observation",
        context_analysis: lead,
        patterns: cleanTexts(fields.patterns),
        semantic_links: fields.semantic_links.flatMap(({ prior: name, relation }) => {
          const prior = resolvePrior(priors, name)
          return prior === undefined ? [] : [{ prior: prior.id, relation: cleanText(relation, outputLimits.item) }]
        }).slice(0, outputLimits.items)
      }
    case "update":
      return { _tag: "update", reason: lead, loop: fields.loop, confidence: clampToUnitInterval(fields.confidence) }
    case "yield":
      return {
        _tag: "yield",
        final_response: lead,
        citations: resolveCitations(priors, fields.citations),
        confidence: clampToUnitInterval(fields.confidence)
      }
  }
}

const clampToUnitInterval = (x: number): number => Math.min(1, Math.max(0, x))

const cleanText = (text: string, max: number = outputLimits.text): string =>
  truncate(stripControlCharacters(text).toWellFormed().trim(), max)

const cleanTexts = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.map((text) => cleanText(text, outputLimits.item)).filter((text) => text !== "").slice(0, outputLimits.items)

const resolvePrior = (priors: ReadonlyArray<Prior>, reference: string | number): Prior | undefined => {
  const number = typeof reference === "number"
    ? reference
    : Number(/^\W{0,4}(?:prior )?(\d{1,4})\W{0,4}$/i.exec(reference)?.[1] ?? Number.NaN)
  return priors[number - 1] ?? priors.find((prior) => prior.id === reference)
}

const resolveCitations = (
  priors: ReadonlyArray<Prior>,
  citations: ReadonlyArray<{ readonly prior: string | number; readonly quote: string }>
): ReadonlyArray<Citation> => {
  const citationByPrior = new Map<string, Citation>()
  for (const { prior: name, quote } of citations.slice(0, outputLimits.items)) {
    const prior = resolvePrior(priors, name)
    if (prior === undefined) continue
    // One citation per prior; the first quote that the prior does hold.
    citationByPrior.set(prior.id, {
      prior: prior.id,
      quote: citationByPrior.get(prior.id)?.quote || findQuote(prior.content, quote)
    })
  }
  return [...citationByPrior.values()]
}

/**
 * The part of `content` that `quote` copies, word for word as it stands there, or "" if there is none. White space and
 * the characters that prompts exchange are compared loosely.
 */
export const findQuote = (content: string, quote: string): string => {
  const [haystack, offsets] = collapseWhitespace(content)
  const [needle] = collapseWhitespace(quote.trim())
  if (needle === "" || needle.length > outputLimits.item) return ""
  const at = haystack.indexOf(needle)
  return at < 0 ? "" : content.slice(offsets[at], (offsets[at + needle.length - 1] ?? 0) + 1)
}

/** A text with runs of white space as one space, and where each of its units stood. */
const collapseWhitespace = (text: string): readonly [string, ReadonlyArray<number>] => {
  const offsets: Array<number> = []
  let collapsed = ""
  // As `neutral` does, but for every bracket: a quote may begin in the middle of what was taken apart.
  const normalised = text.toWellFormed().replaceAll("<", "‹")
  for (let i = 0; i < normalised.length; i++) {
    const unit = normalised.charAt(i)
    const space = /[\s\u0085]/.test(unit)
    if (space && collapsed.endsWith(" ")) continue
    collapsed += space ? " " : unit
    offsets.push(i)
  }
  return [collapsed, offsets]
}
