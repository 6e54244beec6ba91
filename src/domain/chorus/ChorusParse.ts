/**
 * Parses a model's answer to a `ChorusPrompt`: a text, the delimiter, JSON data.
 *
 * An answer is data only: it can refer to priors of its own run, and it cannot carry a command (CHO11, SEC30). Which
 * references and quotes count is decided by `ChorusOutput.sanitiseOutput`.
 */
import { Result, Schema } from "effect"
import { cut, isHighSurrogate } from "../protocol/Text.ts"
import type { ChorusState, Prior, StepOutput } from "./ChorusModel.ts"
import { delimiter, numberPriors } from "./ChorusPrompt.ts"
import { truncate } from "./PromptQuoting.ts"

/** SEC32: limits of a parsed answer, in UTF-16 units and items. Longer text is truncated; longer data is an error. */
export const outputLimits = { lead: 32_768, text: 4_000, item: 1_000, items: 20, data: 65_536 } as const

/** An answer that does not have the format, or whose data exceeds its limit. */
export class MalformedModelOutput extends Schema.TaggedError<MalformedModelOutput>()("MalformedModelOutput", {
  fault: Schema.Literals(["no text", "no data", "broken JSON", "wrong fields"])
}) {
  override get message() {
    return `the model's answer could not be read: ${this.fault}`
  }
}

/**
 * The part of an incomplete answer that may be shown (CHO5): nothing of the delimiter or of what follows it.
 *
 * Monotonic: the result for a text is a prefix of the result for any continuation, and for the whole answer it is the
 * step's lead. However a stream is cut into pieces, the same text is shown (FLT16).
 */
export const streamablePrefix = (text: string): string => extractLead(stripControlCharacters(text))

const extractLead = (plain: string): string => {
  const delimiterIndex = plain.indexOf(delimiter)
  const beforeDelimiter = delimiterIndex >= 0
    ? plain.slice(0, delimiterIndex)
    : plain.slice(0, plain.length - delimiterOverlap(plain))
  return cut(beforeDelimiter.toWellFormed().trim(), outputLimits.lead)
}

/** The number of units at the end that may begin the delimiter, or are half of a surrogate pair. */
const delimiterOverlap = (text: string): number => {
  for (let length = Math.min(delimiter.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(delimiter.slice(0, length))) return length
  }
  return isHighSurrogate(text.charCodeAt(text.length - 1)) ? 1 : 0
}

/** Removes control characters except line feeds and tabs, before the delimiter is searched: they must not hide it. */
const stripControlCharacters = (text: string): string => text.replaceAll(/[^\P{Cc}\n\t]/gu, "")

/**
 * The output of the run's current step, from the whole answer (CHO2). `foundPriors` are those of this Experience.
 * Numbers out of range are clamped, unknown priors and surplus items dropped, and quotes that their prior does not contain
 * emptied. Anything else is a typed failure (SEC32).
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

/** The JSON between the first and the last brace: code fences and text around it are ignored. */
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

/** A reference to a prior: its number, or its id. */
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
        citations: fields.citations.flatMap(({ prior: name, quote }) => {
          const prior = resolvePrior(priors, name)
          return prior === undefined ? [] : [{ prior: prior.id, quote: findQuote(prior.content, quote) }]
        }),
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

/**
 * CHO15: the part of `content` that `quote` copies, as it is in `content`; "" if there is none. Runs of white space, and the
 * characters that `PromptQuoting.escapeText` replaces, are compared as equal.
 */
export const findQuote = (content: string, quote: string): string => {
  const [haystack, offsets] = collapseWhitespace(content)
  const [needle] = collapseWhitespace(quote.trim())
  if (needle === "" || needle.length > outputLimits.item) return ""
  const at = haystack.indexOf(needle)
  return at < 0 ? "" : content.slice(offsets[at], (offsets[at + needle.length - 1] ?? 0) + 1)
}

/** A text with runs of white space collapsed to one space, and the original index of each unit. */
const collapseWhitespace = (text: string): readonly [string, ReadonlyArray<number>] => {
  const offsets: Array<number> = []
  let collapsed = ""
  // As `escapeText`, but for every bracket: a quote may begin in the middle of an escaped tag.
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
