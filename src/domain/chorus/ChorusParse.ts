/**
 * Reads what a model answered to a `ChorusPrompt`: text, the marker, data.
 *
 * A model's answer is text and nothing else: it can name priors of its own run
 * and no other thing, and it carries no command (CHO11).
 */
import { Result, Schema } from "effect"
import type { ChorusState, Citation, Output, Prior } from "./Chorus.ts"
import { marker, numbered } from "./ChorusPrompt.ts"
import { clip, isHigh } from "./Sections.ts"

/** Sizes of what is kept of an answer, in UTF-16 units and items. What is longer is cut. */
export const limits = { lead: 32_768, text: 4_000, item: 1_000, items: 20, data: 65_536 } as const

/** The answer cannot be used. */
export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", {
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
export const visible = (text: string): string => leadOf(printable(text))

const leadOf = (plain: string): string => {
  const at = plain.indexOf(marker)
  const shown = at >= 0 ? plain.slice(0, at) : plain.slice(0, plain.length - held(plain))
  const clean = shown.toWellFormed().trim()
  return isHigh(clean.charCodeAt(limits.lead - 1)) ? clean.slice(0, limits.lead - 1) : clean.slice(0, limits.lead)
}

/** How many of the last units may be the beginning of the marker, or half of a character. */
const held = (text: string): number => {
  for (let length = Math.min(marker.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(marker.slice(0, length))) return length
  }
  return isHigh(text.charCodeAt(text.length - 1)) ? 1 : 0
}

/** Without control characters, except line feeds and tabs: before anything is looked for, so that they hide nothing. */
const printable = (text: string): string => text.replaceAll(/[^\P{Cc}\n\t]/gu, "")

/**
 * The output of the run's current step, out of the whole answer. `found` is what Experience found.
 * Numbers out of range, foreign ids and surplus items are dropped; a quote that its prior does not hold is emptied.
 */
export const parse = (
  run: ChorusState,
  found: ReadonlyArray<Prior>,
  text: string
): Result.Result<Output, Unreadable> => {
  const plain = printable(text)
  const lead = leadOf(plain)
  if (lead === "") return fail("no text")
  const at = plain.indexOf(marker)
  if (at < 0) return fail("no data")
  return Result.flatMap(json(plain.slice(at + marker.length)), (data) => {
    const fields = decodeFields(typeof data === "object" ? { ...data, _tag: run.current_step } : data)
    return Result.isFailure(fields)
      ? fail("wrong fields")
      : Result.succeed(build(lead, fields.success, found, numbered(run, found)))
  })
}

const fail = (fault: Unreadable["fault"]) => Result.fail(new Unreadable({ fault }))

/** The object between the first and the last brace: code fences and chatter around it do no harm. */
const json = (text: string): Result.Result<unknown, Unreadable> => {
  const from = text.indexOf("{")
  const to = text.lastIndexOf("}")
  if (from < 0 || to < from) return fail("no data")
  return to - from > limits.data
    ? fail("broken JSON")
    : Result.try({
      try: (): unknown => JSON.parse(text.slice(from, to + 1)),
      catch: () => new Unreadable({ fault: "broken JSON" })
    })
}

// -- The fields of each step, as models write them ------------------------------

/** A prior as a model names it: its number, or its id. */
const Named = Schema.Union([Schema.Finite, Schema.String])

const Fields = Schema.TaggedUnion({
  action: { confidence: Schema.Finite, reasoning: Schema.String },
  experience: { key_insights: Schema.Array(Schema.String) },
  intention: { implicit: Schema.String, selected_priors: Schema.Array(Named), reason: Schema.String },
  observation: {
    patterns: Schema.Array(Schema.String),
    semantic_links: Schema.Array(Schema.Struct({ prior: Named, relation: Schema.String }))
  },
  update: { loop: Schema.Boolean, confidence: Schema.Finite },
  yield: {
    citations: Schema.Array(Schema.Struct({ prior: Named, quote: Schema.String })),
    confidence: Schema.Finite
  }
})
type Fields = typeof Fields.Type

const decodeFields = Schema.decodeUnknownResult(Fields)

const build = (
  lead: string,
  fields: Fields,
  found: ReadonlyArray<Prior>,
  priors: ReadonlyArray<Prior>
): Output => {
  switch (fields._tag) {
    case "action":
      return {
        _tag: "action",
        proposed_response: lead,
        confidence: share(fields.confidence),
        reasoning: phrase(fields.reasoning)
      }
    case "experience":
      return { _tag: "experience", synthesis: lead, key_insights: phrases(fields.key_insights), priors: found }
    case "intention":
      return {
        _tag: "intention",
        explicit: lead,
        implicit: phrase(fields.implicit),
        selected_priors: [...new Set(fields.selected_priors.flatMap((name) => named(priors, name)?.id ?? []))],
        reason: phrase(fields.reason)
      }
    case "observation":
      return {
        _tag: "observation",
        context_analysis: lead,
        patterns: phrases(fields.patterns),
        semantic_links: fields.semantic_links.flatMap(({ prior: name, relation }) => {
          const prior = named(priors, name)
          return prior === undefined ? [] : [{ prior: prior.id, relation: phrase(relation, limits.item) }]
        }).slice(0, limits.items)
      }
    case "update":
      return { _tag: "update", reason: lead, loop: fields.loop, confidence: share(fields.confidence) }
    case "yield":
      return {
        _tag: "yield",
        final_response: lead,
        citations: cite(priors, fields.citations),
        confidence: share(fields.confidence)
      }
  }
}

const share = (x: number): number => Math.min(1, Math.max(0, x))

const phrase = (text: string, max: number = limits.text): string => clip(printable(text).toWellFormed().trim(), max)

const phrases = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.map((text) => phrase(text, limits.item)).filter((text) => text !== "").slice(0, limits.items)

const named = (priors: ReadonlyArray<Prior>, name: string | number): Prior | undefined => {
  const number = typeof name === "number"
    ? name
    : Number(/^\W{0,4}(?:prior )?(\d{1,4})\W{0,4}$/i.exec(name)?.[1] ?? Number.NaN)
  return priors[number - 1] ?? priors.find((prior) => prior.id === name)
}

const cite = (
  priors: ReadonlyArray<Prior>,
  citations: ReadonlyArray<{ readonly prior: string | number; readonly quote: string }>
): ReadonlyArray<Citation> => {
  const kept = new Map<string, Citation>()
  for (const { prior: name, quote } of citations.slice(0, limits.items)) {
    const prior = named(priors, name)
    if (prior === undefined) continue
    // One citation per prior; the first quote that the prior does hold.
    kept.set(prior.id, { prior: prior.id, quote: kept.get(prior.id)?.quote || locate(prior.content, quote) })
  }
  return [...kept.values()]
}

/**
 * The part of `content` that `quote` copies, word for word as it stands there, or "" if there is none. White space and
 * the characters that prompts exchange are compared loosely.
 */
export const locate = (content: string, quote: string): string => {
  const [haystack, places] = squeeze(content)
  const [needle] = squeeze(quote.trim())
  if (needle === "" || needle.length > limits.item) return ""
  const at = haystack.indexOf(needle)
  return at < 0 ? "" : content.slice(places[at], (places[at + needle.length - 1] ?? 0) + 1)
}

/** A text with runs of white space as one space, and where each of its units stood. */
const squeeze = (text: string): readonly [string, ReadonlyArray<number>] => {
  const places: Array<number> = []
  let squeezed = ""
  // As `neutral` does, but for every bracket: a quote may begin in the middle of what was taken apart.
  const same = text.toWellFormed().replaceAll("<", "‹")
  for (let i = 0; i < same.length; i++) {
    const unit = same.charAt(i)
    const space = /[\s\u0085]/.test(unit)
    if (space && squeezed.endsWith(" ")) continue
    squeezed += space ? " " : unit
    places.push(i)
  }
  return [squeezed, places]
}
