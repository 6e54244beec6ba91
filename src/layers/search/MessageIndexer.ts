/**
 * Embeds texts in batches, and stores them as points. A failure of the embedding model is an error; a text that alone
 * cannot be embedded, while the model embeds others, is returned to be set aside, and stops nobody (STO8).
 */
import { Effect, Exit } from "effect"
import { AiError, EmbeddingModel } from "effect/ai"
import * as Vector from "../../domain/search/Vector.ts"
import { Database, type DatabaseError, PriorsCollection } from "../../services/Database.ts"
import type { PointDraft } from "./PointDrafts.ts"

/** Texts per request to the embedding model. */
const embedBatchSize = 64

/** A text that every embedding model embeds: if it cannot, the model is at fault and not the text. */
const probeText = "How hot should the water for green tea be?"

const invalidProbe = AiError.make({
  module: "choir/MessageIndexer",
  method: "embed",
  reason: new AiError.InvalidOutputError({ description: "the embedding model gives no usable vector for any text" })
})

type IndexError = AiError.AiError | DatabaseError

/** Whether a text may be the reason: not of a limit or a key, which are those of the account, and not of the index. */
const mayBeOfText = (error: IndexError): boolean =>
  error._tag === "AiError"
    ? !["RateLimitError", "QuotaExhaustedError", "AuthenticationError"].includes(error.reason._tag)
    : ["InvalidVector", "VectorError", "EmbeddingUnavailable"].includes(error.reason._tag)

/** Whether there is nothing to embed in the text: no retry helps. */
const isEmpty = (error: IndexError): boolean => error.reason._tag === "InvalidUserInputError"

/** Embeds and stores drafts in order; returns those that are to be set aside. */
export const make = Effect.gen(function*() {
  const database = yield* Database
  const embedding = yield* EmbeddingModel.EmbeddingModel
  const { dimension, name } = yield* PriorsCollection

  const store = (drafts: ReadonlyArray<PointDraft>): Effect.Effect<void, IndexError> =>
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

  /** Whether the model embedded nothing at all when it was last asked: then it is probed first. */
  let isDown = false
  /** Fails if the model embeds nothing at all. */
  const probe = embedding.embed(probeText).pipe(
    Effect.filterOrFail(({ vector }) => Vector.findFault(vector, dimension) === undefined, () => invalidProbe),
    Effect.onExit((exit) => Effect.sync(() => void (isDown = Exit.isFailure(exit))))
  )

  /** The drafts that failed alone. The model is known to embed other texts. */
  const storeParts = (drafts: ReadonlyArray<PointDraft>): Effect.Effect<ReadonlyArray<PointDraft>, IndexError> =>
    Effect.map(
      Effect.forEach(
        [drafts.slice(0, drafts.length / 2), drafts.slice(drafts.length / 2)],
        (half) =>
          half.length === 0 ? Effect.succeed([]) : Effect.as(store(half), []).pipe(
            Effect.catchIf(mayBeOfText, (error) => half.length === 1 ? refuse(half, error) : storeParts(half))
          )
      ),
      (refused) => refused.flat()
    )

  const refuse = (drafts: ReadonlyArray<PointDraft>, error: IndexError): Effect.Effect<ReadonlyArray<PointDraft>> =>
    Effect.logWarning("a text cannot be embedded and is not found by search", error.message).pipe(
      Effect.annotateLogs({ thread: drafts[0]?.payload.thread, message: drafts[0]?.payload.message }),
      Effect.as(isEmpty(error) ? [] : drafts)
    )

  const storeBatch = (drafts: ReadonlyArray<PointDraft>): Effect.Effect<ReadonlyArray<PointDraft>, IndexError> =>
    Effect.suspend(() => isDown ? Effect.asVoid(probe) : Effect.void).pipe(
      Effect.andThen(Effect.as(store(drafts), [])),
      Effect.catchIf((error) => mayBeOfText(error) && !isDown, (error) =>
        Effect.andThen(
          isEmpty(error) ? Effect.void : probe,
          drafts.length === 1 ? refuse(drafts, error) : storeParts(drafts)
        ))
    )

  return Effect.fnUntraced(function*(drafts: ReadonlyArray<PointDraft>) {
    const refused: Array<PointDraft> = []
    for (let i = 0; i < drafts.length; i += embedBatchSize) {
      refused.push(...(yield* storeBatch(drafts.slice(i, i + embedBatchSize))))
    }
    return refused
  })
})
