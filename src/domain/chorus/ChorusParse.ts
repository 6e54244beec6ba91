/**
 * Parses a model's answer to a `ChorusPrompt`: a text, the delimiter, JSON data. `ReasoningFilter` has removed reasoning
 * before it.
 *
 * An answer is data only: it can refer to priors of its own run, and it cannot carry a command (CHO11, SEC30). Which
 * references and quotes count is decided by `ChorusOutput.sanitiseOutput`.
 */
import { Option, Result, Schema } from "effect"
import { cut, isHighSurrogate, stripControlCharacters } from "../protocol/Text.ts"
import type { PlainRun, Prior, Step, StepOutput } from "./ChorusModel.ts"
import { delimiter, numberPriors } from "./ChorusPrompt.ts"
import * as LenientJson from "./LenientJson.ts"
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

/**
 * The output of the run's current step, from the whole answer (CHO2). `foundPriors` are those of this Experience.
 * Numbers out of range are clamped, unknown priors and surplus items dropped, and quotes that their prior does not contain
 * emptied. Anything else is a typed failure (SEC32).
 */
export const parseOutput = (
  run: PlainRun,
  foundPriors: ReadonlyArray<Prior>,
  text: string
): Result.Result<StepOutput, MalformedModelOutput> => {
  const plain = stripControlCharacters(text)
  const lead = extractLead(plain)
  if (lead === "") return fail("no text")
  return Result.map(
    extractFields(plain, run.current_step),
    (fields) => buildOutput(lead, fields, foundPriors, numberPriors(run, foundPriors))
  )
}

const fail = (fault: MalformedModelOutput["fault"]) => Result.fail(new MalformedModelOutput({ fault }))

/**
 * The first object behind the last delimiter that has the step's fields: a text may mention the delimiter, and an answer
 * may be repeated. Earlier delimiters count where the last one has no such object.
 */
const extractFields = (plain: string, step: Step): Result.Result<StepFields, MalformedModelOutput> => {
  let fault: MalformedModelOutput["fault"] = "no data"
  const parts = plain.split(delimiter).slice(1).slice(-maxDelimiters)
  for (const part of parts.toReversed()) {
    const data = part.slice(0, outputLimits.data)
    if (fault === "no data" && data.includes("{")) fault = "broken JSON"
    for (const object of LenientJson.readObjects(data)) {
      const fields = decodeFields({ ...Object(object), _tag: step })
      if (Option.isSome(fields)) return Result.succeed(fields.value)
      fault = "wrong fields"
    }
  }
  return fail(fault)
}

/** The delimiters of an answer that are looked behind. */
const maxDelimiters = 4

// -- The fields of each step, as models write them ------------------------------

/** A reference to a prior: its number, or its id. */
const PriorReference = Schema.Union([Schema.Finite, Schema.String])

/** Small models write `"0.8"` for 0.8, and null for "" and []. What is missing altogether is not made up. */
const LooseNumber = Schema.Union([
  Schema.Finite,
  Schema.String.check(Schema.isPattern(/^\s*-?\d{1,9}(\.\d{1,20})?\s*$/))
])
const LooseBoolean = Schema.Union([Schema.Boolean, Schema.Literals(["true", "false"])])
const LooseText = Schema.NullOr(Schema.Union([Schema.String, Schema.Finite, Schema.Boolean]))
const looseArray = <S extends Schema.Constraint>(item: S) => Schema.NullOr(Schema.Array(Schema.NullOr(item)))
const LooseTexts = Schema.Union([looseArray(LooseText), LooseText])

const StepFields = Schema.TaggedUnion({
  action: { confidence: LooseNumber, reasoning: LooseText },
  experience: { key_insights: LooseTexts },
  intention: { implicit: LooseText, selected_priors: looseArray(PriorReference), reason: LooseText },
  observation: {
    patterns: LooseTexts,
    semantic_links: looseArray(Schema.Struct({ prior: Schema.NullOr(PriorReference), relation: LooseText }))
  },
  update: { loop: LooseBoolean, confidence: LooseNumber },
  yield: {
    citations: looseArray(Schema.Struct({ prior: Schema.NullOr(PriorReference), quote: LooseText })),
    confidence: LooseNumber
  }
})
type StepFields = typeof StepFields.Type

const decodeFields = Schema.decodeUnknownOption(StepFields)

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
        selected_priors: [
          ...new Set(dropNulls(fields.selected_priors).flatMap((name) => resolvePrior(priors, name)?.id ?? []))
        ],
        reason: cleanText(fields.reason)
      }
    case "observation":
      return {
        _tag: "observation",
        context_analysis: lead,
        patterns: cleanTexts(fields.patterns),
        semantic_links: dropNulls(fields.semantic_links).flatMap(({ prior: name, relation }) => {
          const prior = resolvePrior(priors, name)
          return prior === undefined ? [] : [{ prior: prior.id, relation: cleanText(relation, outputLimits.item) }]
        }).slice(0, outputLimits.items)
      }
    case "update":
      return {
        _tag: "update",
        reason: lead,
        loop: String(fields.loop) === "true",
        confidence: clampToUnitInterval(fields.confidence)
      }
    case "yield":
      return {
        _tag: "yield",
        final_response: lead,
        citations: dropNulls(fields.citations).flatMap(({ prior: name, quote }) => {
          const prior = resolvePrior(priors, name)
          return prior === undefined
            ? []
            : [{ prior: prior.id, quote: findQuote(prior.content, String(quote ?? "")) || null }]
        }),
        confidence: clampToUnitInterval(fields.confidence)
      }
  }
}

const dropNulls = <A>(items: ReadonlyArray<A | null> | null): ReadonlyArray<A> =>
  (items ?? []).filter((item) => item !== null)

const clampToUnitInterval = (x: typeof LooseNumber.Type): number => Math.min(1, Math.max(0, Number(x)))

const cleanText = (text: typeof LooseText.Type, max: number = outputLimits.text): string =>
  truncate(stripControlCharacters(String(text ?? "")).toWellFormed().trim(), max)

const cleanTexts = (texts: typeof LooseTexts.Type): ReadonlyArray<string> =>
  (texts === null || typeof texts !== "object" ? [texts] : texts)
    .map((text) => cleanText(text, outputLimits.item)).filter((text) => text !== "").slice(0, outputLimits.items)

const resolvePrior = (priors: ReadonlyArray<Prior>, reference: string | number | null): Prior | undefined => {
  if (reference === null) return undefined
  const number = typeof reference === "number"
    ? reference
    : Number(/^\W{0,4}(?:prior )?(\d{1,4})\W{0,4}$/i.exec(reference)?.[1])
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
