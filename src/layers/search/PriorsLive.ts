/** Searches the index for priors on behalf of a reader, in text that the reader may read (CHO4, SEC10). */
import { Effect, Layer } from "effect"
import { EmbeddingModel } from "effect/ai"
import type { TopicId, UserId } from "../../domain/protocol/Ids.ts"
import { cut } from "../../domain/protocol/Text.ts"
import * as PriorSearch from "../../domain/search/PriorSearch.ts"
import { readableBy } from "../../domain/search/VectorQuery.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { Directory } from "../../services/Directory.ts"
import { Priors, PriorsUnavailable } from "../../services/Priors.ts"

/** The longest text that is embedded, in UTF-16 units: embedding models have limits. */
const maxQueryLength = 6000

const make = Effect.gen(function*() {
  const database = yield* Database
  const directory = yield* Directory
  const embedding = yield* EmbeddingModel.EmbeddingModel
  const { name } = yield* PriorsCollection

  const unavailable = (operation: "embed" | "search") => (cause: { readonly retryable: boolean }) =>
    new PriorsUnavailable({ operation, retryable: cause.retryable, cause })

  /** The threads among these that the reader may read at this moment. */
  const selectReadable = Effect.fnUntraced(function*(reader: UserId, threads: ReadonlySet<TopicId>) {
    const all = Array.from(threads)
    const allowed = yield* Effect.forEach(all, (thread) => directory.canRead(reader, thread), { concurrency: 8 })
    return new Set(all.filter((_, i) => allowed[i]))
  })

  const find = Effect.fn("Priors.find")(function*(text: string, reader: UserId) {
    const { vector } = yield* embedding.embed(cut(text, maxQueryLength)).pipe(
      Effect.mapError((cause) => new PriorsUnavailable({ operation: "embed", retryable: cause.isRetryable, cause }))
    )
    const threads = yield* Effect.mapError(directory.topicsOfMember(reader), unavailable("search"))
    const hits = yield* database.execute({
      _tag: "Search",
      collection: name,
      vector,
      limit: PriorSearch.candidateLimit,
      filter: readableBy(threads)
    }).pipe(Effect.mapError(unavailable("search")))
    const readable = yield* selectReadable(reader, new Set(hits.map((hit) => hit.payload.thread))).pipe(
      Effect.mapError(unavailable("search"))
    )
    return PriorSearch.selectPriors(PriorSearch.authoriseHits(hits, readable))
  })

  return Priors.of({ find })
})

/** The search for priors: filtered by the reader's threads, and authorised again thread by thread. */
export const layer: Layer.Layer<
  Priors,
  never,
  Database | Directory | PriorsCollection | EmbeddingModel.EmbeddingModel
> = Layer.effect(Priors, make)
