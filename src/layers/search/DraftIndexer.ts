/** Stores drafts through `MessageIndexer`, and keeps those that cannot be embedded until they are due again (STO8). */
import { Clock, Effect, Latch } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import * as AsideTexts from "../../domain/search/AsideTexts.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import * as MessageIndexer from "./MessageIndexer.ts"
import type { PointDraft } from "./PointDrafts.ts"

/** The drafts that are set aside, and the operations on drafts. Not safe for concurrent use. */
export const make = Effect.gen(function*() {
  const { name } = yield* PriorsCollection
  const database = yield* Database
  const vectorIndex = yield* VectorIndex
  const indexDrafts = yield* MessageIndexer.make
  let asideTexts: AsideTexts.AsideTexts<PointDraft> = new Map()
  const hasAsideTexts = Latch.makeUnsafe(false)

  const update = (texts: typeof asideTexts) => {
    asideTexts = texts
    if (texts.size > 0) Latch.openUnsafe(hasAsideTexts)
    else Latch.closeUnsafe(hasAsideTexts)
  }

  /** Stores drafts and sets aside what cannot be embedded. */
  const store = Effect.fnUntraced(function*(drafts: ReadonlyArray<PointDraft>) {
    const refused = yield* indexDrafts(drafts)
    const now = yield* Clock.currentTimeMillis
    const storedIds = new Set(drafts.map(({ id }) => id))
    for (const { id } of refused) storedIds.delete(id)
    let texts = AsideTexts.remove(asideTexts, (id) => storedIds.has(id))
    for (const draft of refused) {
      const { log_seq, thread } = draft.payload
      texts = AsideTexts.addFailure(texts, draft.id, { topic: thread, seq: log_seq, draft }, now)
    }
    update(texts)
  })

  /** Stores those of the drafts that the index does not hold. If it cannot be read, writing to it tells why. */
  const storeMissing = (drafts: ReadonlyArray<PointDraft>) =>
    vectorIndex.get(name, drafts.map(({ id }) => id)).pipe(
      Effect.orElseSucceed(() => []),
      Effect.flatMap((points) => {
        const held = new Map(points.map(({ id, payload }) => [id, payload]))
        return store(drafts.filter(({ id, payload }) => !isSamePayload(held.get(id), payload)))
      })
    )

  /** Removes points whose texts were erased (TOP10). */
  const remove = Effect.fnUntraced(function*(ids: ReadonlyArray<string>) {
    if (ids.length === 0) return
    const removed = new Set(ids)
    update(AsideTexts.remove(asideTexts, (id) => removed.has(id)))
    yield* database.execute({ _tag: "Delete", collection: name, ids })
  })

  /** Tries the drafts that are due; returns the threads of those. */
  const retryDue = Effect.gen(function*() {
    const due = AsideTexts.dueTexts(asideTexts, yield* Clock.currentTimeMillis)
    for (const { draft } of due) yield* store([draft])
    return new Set(due.map(({ topic }) => topic))
  })

  /** Waits until a draft that is set aside is due. */
  const awaitDue = Effect.gen(function*() {
    yield* Latch.await(hasAsideTexts)
    const now = yield* Clock.currentTimeMillis
    yield* Effect.sleep(Math.max(0, (AsideTexts.nextDueAt(asideTexts) ?? now) - now))
  })

  return {
    store,
    storeMissing,
    remove,
    retryDue,
    awaitDue,
    /** The cursor of a thread that was read up to `seq`. */
    cursorOf: (topic: TopicId, seq: number) => AsideTexts.cursorOf(asideTexts, topic, seq),
    /** Forgets the drafts after `seq` of a thread: they are read again. */
    forgetAfter: (topic: TopicId, seq: number) =>
      update(AsideTexts.remove(asideTexts, (_, text) => text.topic === topic && text.seq > seq)),
    forgetAll: () => update(new Map()),
    asideCount: () => asideTexts.size
  }
})

const isSamePayload = (held: PointDraft["payload"] | undefined, payload: PointDraft["payload"]): boolean =>
  held !== undefined && held.version === payload.version && held.content_hash === payload.content_hash &&
  held.embed_model === payload.embed_model && held.visibility === payload.visibility
