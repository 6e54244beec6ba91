/** The codecs of kinds, compiled once per kind. */
import { type Exit, Schema } from "effect"
import type { AnyKind } from "../../domain/topic/Topic.ts"

/** One kind's codecs. */
export interface KindCodecs {
  readonly encodeState: (state: unknown) => Exit.Exit<Schema.Json, Schema.SchemaError>
  readonly decodeState: (json: unknown) => Exit.Exit<unknown, Schema.SchemaError>
  /** Inputs from other topics (`Tell`, `Forward`). */
  readonly decodeAnswer: (json: unknown) => Exit.Exit<unknown, Schema.SchemaError>
}

const codecsByKind = new WeakMap<AnyKind, KindCodecs>()

/** Compiled at the first call for a kind. */
export const codecsFor = (kind: AnyKind): KindCodecs => {
  let codecs = codecsByKind.get(kind)
  if (codecs === undefined) {
    codecs = {
      encodeState: Schema.encodeUnknownExit(Schema.toCodecJson(kind.State)),
      decodeState: Schema.decodeUnknownExit(Schema.toCodecJson(kind.State)),
      decodeAnswer: Schema.decodeUnknownExit(kind.Answer)
    }
    codecsByKind.set(kind, codecs)
  }
  return codecs
}
