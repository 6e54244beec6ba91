/** Token counts of models: what a provider reports is counted only if it can be a count. */
import { Option, Schema } from "effect"
import { Cost, type Usage } from "./ChorusModel.ts"

/** A count as `Usage` holds it: a non-negative safe integer; undefined for any other value (SEC32). */
export const toTokenCount = (reported: unknown): number | undefined =>
  typeof reported === "number" && Number.isSafeInteger(reported) && reported >= 0 ? reported : undefined

/** The tokens of a text of this length in UTF-16 units, where a provider does not count them: about four units each. */
export const estimateTokens = (length: number): number => Math.ceil(length / 4)

/** A usage whose numbers are as somebody else reported them. */
type ReportedUsage = Pick<Usage, "provider" | "model"> & { readonly [K in keyof Usage]: unknown }

const decodeCost = Schema.decodeUnknownOption(Cost)

/** The usage with 0 for numbers that are no counts, and null for a cost that is none: it fits its schema (SEC32). */
export const sanitiseUsage = (usage: ReportedUsage): Usage => ({
  ...usage,
  input_tokens: toTokenCount(usage.input_tokens) ?? 0,
  output_tokens: toTokenCount(usage.output_tokens) ?? 0,
  latency_ms: toTokenCount(usage.latency_ms) ?? 0,
  cost: Option.getOrNull(decodeCost(usage.cost))
})
