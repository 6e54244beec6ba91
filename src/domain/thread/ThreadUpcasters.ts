/** Brings events of threads that were written in an older version up to the present one (TOP9). */
import { Schema } from "effect"
import { sanitiseUsage } from "../chorus/TokenCount.ts"
import type { AnyKind } from "../topic/Topic.ts"

/** The version that new events are written with. */
export const version = 2

const WithUsage = Schema.TaggedStruct("StepCompleted", {
  usage: Schema.Struct({
    provider: Schema.String,
    model: Schema.String,
    input_tokens: Schema.Json,
    output_tokens: Schema.Json,
    latency_ms: Schema.Json,
    cost: Schema.Json
  })
})
const hasUsage = Schema.is(WithUsage)

/** Version 1 stored the counts of a provider as they were reported: a negative one is none. */
const withCounts = (event: Schema.Json): Schema.Json =>
  hasUsage(event) ? { ...(event as Schema.JsonObject), usage: sanitiseUsage(event.usage) } : event

/** By the version that an event was written with. */
export const upcasters: AnyKind["upcasters"] = { 1: withCounts }
