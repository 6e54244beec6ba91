/** The order of the embeddings in an answer: not that of its list, but the one that its items state (STO2). */
import { Option, Schema } from "effect"

const Items = Schema.Struct({ data: Schema.Array(Schema.Struct({ index: Schema.optional(Schema.Unknown) })) })
const decodeItems = Schema.decodeUnknownOption(Items)

/** The `index` of each item in the body of an OpenAI-compatible answer; undefined if none has one. */
export const readIndices = (body: unknown): ReadonlyArray<unknown> | undefined => {
  const indices = Option.match(decodeItems(body), {
    onNone: () => [],
    onSome: ({ data }) => data.map(({ index }) => index)
  })
  return indices.some((index) => index !== undefined && index !== null) ? indices : undefined
}

/**
 * The items in the order of their indices, as they are without any. Undefined if the indices are not those of the items,
 * each once: a text would be given another one's vector.
 */
export const orderByIndex = <A>(
  items: ReadonlyArray<A>,
  indices: ReadonlyArray<unknown> | undefined
): ReadonlyArray<A> | undefined => {
  if (indices === undefined) return items
  const positions = new Map(indices.map((index, position) => [index, position]))
  const ordered = items.flatMap((_, index) => {
    const position = positions.get(index)
    return position === undefined ? [] : items.slice(position, position + 1)
  })
  return ordered.length === items.length && indices.length === items.length ? ordered : undefined
}
