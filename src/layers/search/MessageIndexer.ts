/** Embeds texts in batches, and stores them as points. A retryable failure is an error, never a skipped text (STO8). */
import { Effect } from "effect"
import { type AiError, EmbeddingModel } from "effect/ai"
import { Database, type DatabaseError, PriorsCollection } from "../../services/Database.ts"
import type { PointDraft } from "./PointDrafts.ts"

/** Texts per request to the embedding model. */
const embedBatchSize = 64

/** Whether the model rejects the text itself: no retry helps, and other texts are not affected. */
const isUnembeddableText = (error: AiError.AiError): boolean =>
  error.reason._tag === "InvalidUserInputError" || error.reason._tag === "InvalidRequestError" ||
  error.reason._tag === "ContentPolicyError"

/** Embeds and stores drafts in order. A text that the model rejects is left out, with a warning. */
export const make = Effect.gen(function*() {
  const database = yield* Database
  const embedding = yield* EmbeddingModel.EmbeddingModel
  const { name } = yield* PriorsCollection

  const store = (drafts: ReadonlyArray<PointDraft>): Effect.Effect<void, AiError.AiError | DatabaseError> =>
    embedding.embedMany(drafts.map((draft) => draft.payload.content)).pipe(
      Effect.flatMap(({ embeddings }) =>
        database.execute({
          _tag: "Store",
          collection: name,
          points: drafts.map((draft, i) => ({ ...draft, vector: embeddings[i]?.vector ?? [] })),
          onInvalidVector: "embed"
        })
      )
    )

  const storeOne = (draft: PointDraft) =>
    store([draft]).pipe(
      Effect.catchTag("AiError", (error) =>
        isUnembeddableText(error)
          ? Effect.logWarning("a text cannot be embedded and will not be found by search").pipe(
            Effect.annotateLogs({ thread: draft.payload.thread, message: draft.payload.message })
          )
          : Effect.fail(error))
    )

  /** When the model rejects a batch, its texts are stored one by one. */
  const storeBatch = (drafts: ReadonlyArray<PointDraft>) =>
    store(drafts).pipe(
      Effect.catchTag("AiError", (error) =>
        isUnembeddableText(error) ? Effect.forEach(drafts, storeOne, { discard: true }) : Effect.fail(error))
    )

  return Effect.fnUntraced(function*(drafts: ReadonlyArray<PointDraft>) {
    for (let i = 0; i < drafts.length; i += embedBatchSize) yield* storeBatch(drafts.slice(i, i + embedBatchSize))
  })
})
