/** Compares the index with the logs, and mends it by the smallest difference (STO5). */
import { Effect, Layer } from "effect"
import type { TopicId } from "../../domain/Ids.ts"
import { batchLimit } from "../../domain/storage/StorageModel.ts"
import * as Vector from "../../domain/storage/Vector.ts"
import type { Payload, Point } from "../../domain/storage/VectorPoint.ts"
import { Consistency, type Inconsistency } from "../../services/Consistency.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import type { Kinds } from "../../services/Kinds.ts"
import { Projector } from "../../services/Projector.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import * as PointId from "./PointId.ts"
import * as ThreadReader from "./ThreadReader.ts"

/** Points looked at together. */
const pageSize = 500

/** All that a payload says, in few bytes: the whole of the logs must fit into memory this way. */
const digest = (payload: Payload): string =>
  PointId.hash(JSON.stringify(Object.entries(payload).sort(([a], [b]) => (a < b ? -1 : 1))))

const make = Effect.gen(function*() {
  const log = yield* EventLog
  const database = yield* Database
  const engine = yield* VectorIndex
  const projector = yield* Projector
  const { dimension, name } = yield* PriorsCollection
  const threads = yield* ThreadReader.make

  /** Calls `see` with everything one thread has published; how far that was. */
  const walk = Effect.fnUntraced(function*(topic: TopicId, see: (draft: PointId.Draft) => void) {
    let fold = ThreadReader.unread
    while (true) {
      const page = yield* threads.page(topic, fold)
      page.drafts.forEach(see)
      fold = page.fold
      if (page.last) return fold.seq
    }
  })

  const compare = (point: Point, wanted: string): ReadonlyArray<Inconsistency> => {
    const { id } = point
    if (wanted !== digest(point.payload)) return [{ _tag: "Stale", id }]
    const fault = Vector.fault(point.vector, dimension)
    return fault === undefined ? [] : [{ _tag: "BadVector", id, fault }]
  }

  const verify = Effect.gen(function*() {
    const wanted = new Map<string, string>()
    const read = new Map<TopicId, number>()
    for (const topic of yield* threads.all) {
      read.set(topic, yield* walk(topic, (draft) => wanted.set(draft.id, digest(draft.payload))))
    }
    const found: Array<Inconsistency> = []
    let after: string | null = null
    while (true) {
      const points: ReadonlyArray<Point> = yield* engine.scroll(name, { after, limit: pageSize })
      for (const point of points) {
        const expected = wanted.get(point.id)
        wanted.delete(point.id)
        const { log_seq, thread } = point.payload
        // What came after this thread was read may be right: it was not looked for.
        const later = log_seq > (read.get(thread) ?? 0) && (yield* log.head(thread))._tag === "Some"
        if (expected !== undefined) found.push(...compare(point, expected))
        else if (!later) found.push({ _tag: "Orphan", id: point.id })
      }
      if (points.length < pageSize) break
      after = points.at(-1)!.id
    }
    return [...found, ...Array.from(wanted.keys(), (id): Inconsistency => ({ _tag: "Missing", id }))]
  })

  const repair = Effect.fnUntraced(function*(inconsistencies: ReadonlyArray<Inconsistency>) {
    if (inconsistencies.length === 0) return
    const wrong = inconsistencies.filter((one) => one._tag !== "Missing").map((one) => one.id)
    for (let i = 0; i < wrong.length; i += batchLimit) {
      yield* database.execute({ _tag: "Delete", collection: name, ids: wrong.slice(i, i + batchLimit) })
    }
    // The cursors of the threads concerned go back to just before what is to come again.
    const again = new Set(inconsistencies.filter((one) => one._tag !== "Orphan").map((one) => one.id))
    for (const topic of again.size === 0 ? [] : yield* threads.all) {
      let first = Infinity
      yield* walk(topic, ({ id, payload }) => {
        if (again.has(id)) first = Math.min(first, payload.log_seq)
      })
      if (first < Infinity) yield* projector.retake(topic, first - 1)
    }
  })

  return Consistency.of({ verify, repair })
})

/** Works beside the running projector. */
export const layer: Layer.Layer<
  Consistency,
  never,
  EventLog | Kinds | Database | VectorIndex | Projector | PriorsCollection
> = Layer.effect(Consistency, make)
