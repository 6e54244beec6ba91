/** Earlier writing near a text, for one reader's eyes (CHO4, SEC10). */
import { Effect, Layer } from "effect"
import { EmbeddingModel } from "effect/ai"
import type { Prior } from "../../domain/chorus/ChorusModel.ts"
import type { TopicId, UserId } from "../../domain/protocol/Ids.ts"
import * as PriorRanking from "../../domain/search/PriorRanking.ts"
import type { Hit } from "../../domain/search/VectorPoint.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { Directory } from "../../services/Directory.ts"
import { Priors, PriorsUnavailable } from "../../services/Priors.ts"

/** Only this much of a prompt is embedded, in UTF-16 units: models have limits. */
const maxQueryLength = 6000

const toPrior = ({ payload, score }: Hit): Prior => ({
  id: payload.message,
  content: payload.content,
  author: payload.author,
  thread: payload.thread,
  similarity: score,
  created_at: payload.created_at
})

const make = Effect.gen(function*() {
  const database = yield* Database
  const directory = yield* Directory
  const embedding = yield* EmbeddingModel.EmbeddingModel
  const { name } = yield* PriorsCollection

  const unavailable = (operation: "embed" | "search") => (cause: { readonly retryable: boolean }) =>
    new PriorsUnavailable({ operation, retryable: cause.retryable, cause })

  /** The threads among these that the reader may see now, whatever the index says. */
  const selectReadable = Effect.fnUntraced(function*(reader: UserId, threads: ReadonlySet<TopicId>) {
    const all = Array.from(threads)
    const allowed = yield* Effect.forEach(all, (thread) => directory.canRead(reader, thread), { concurrency: 8 })
    return new Set(all.filter((_, i) => allowed[i]))
  })

  const find = Effect.fn("Priors.find")(function*(text: string, reader: UserId) {
    const { vector } = yield* embedding.embed(text.slice(0, maxQueryLength)).pipe(
      Effect.mapError((cause) => new PriorsUnavailable({ operation: "embed", retryable: cause.isRetryable, cause }))
    )
    const threads = yield* Effect.mapError(directory.topicsOfMember(reader), unavailable("search"))
    const hits = yield* database.execute({
      _tag: "Search",
      collection: name,
      vector,
      limit: PriorRanking.candidateLimit,
      filter: { readable: threads }
    }).pipe(Effect.mapError(unavailable("search")))
    const allowed = yield* selectReadable(reader, new Set(hits.map((hit) => hit.payload.thread))).pipe(
      Effect.mapError(unavailable("search"))
    )
    return PriorRanking.selectTopK(hits.filter((hit) => allowed.has(hit.payload.thread))).map(toPrior)
  })

  return Priors.of({ find })
})

/** Searches within what the reader may see, and asks again for each thread that was found. */
export const layer: Layer.Layer<
  Priors,
  never,
  Database | Directory | PriorsCollection | EmbeddingModel.EmbeddingModel
> = Layer.effect(Priors, make)
