/** Texts into points: embeds in batches and stores. Every failure that can heal is a failure here, never a skipped text. */
import { Effect } from "effect"
import { type AiError, EmbeddingModel } from "effect/ai"
import { Database, type DatabaseError, PriorsCollection } from "../../services/Database.ts"
import type { PointDraft } from "./PointDrafts.ts"

/** Texts in one request to the embedding model. */
const embedBatchSize = 64

/** The text itself is what the model will not take: waiting does not help, other texts are not concerned. */
const isUnembeddableText = (error: AiError.AiError): boolean =>
  error.reason._tag === "InvalidUserInputError" || error.reason._tag === "InvalidRequestError" ||
  error.reason._tag === "ContentPolicyError"

/** Embeds and stores drafts in order. A text the model will never take is left out, with a warning. */
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
          points: drafts.map((draft, i) => ({ ...draft, vector: embeddings[i]?.vector ?? [] }))
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

  /** When the model refuses a batch for one of its texts, the others are stored one by one. */
  const storeBatch = (drafts: ReadonlyArray<PointDraft>) =>
    store(drafts).pipe(
      Effect.catchTag("AiError", (error) =>
        isUnembeddableText(error) ? Effect.forEach(drafts, storeOne, { discard: true }) : Effect.fail(error))
    )

  return Effect.fnUntraced(function*(drafts: ReadonlyArray<PointDraft>) {
    for (let i = 0; i < drafts.length; i += embedBatchSize) yield* storeBatch(drafts.slice(i, i + embedBatchSize))
  })
})
