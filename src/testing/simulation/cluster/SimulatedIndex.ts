/**
 * The vector index as an external service: the real in-memory engine behind a network that fails, and a store that is
 * wiped at times. At quiescence its points must equal those derived from the logs (STO4).
 */
import { Effect, Layer } from "effect"
import { isDeepStrictEqual } from "node:util"
import { kindOf } from "../../../domain/protocol/Ids.ts"
import * as PublishedMessages from "../../../domain/search/PublishedMessages.ts"
import * as TextChunker from "../../../domain/search/TextChunker.ts"
import type { Payload } from "../../../domain/search/VectorPoint.ts"
import type * as ThreadModel from "../../../domain/thread/ThreadModel.ts"
import * as DatabaseLive from "../../../layers/search/DatabaseLive.ts"
import * as PointDrafts from "../../../layers/search/PointDrafts.ts"
import * as SearchIndexerLive from "../../../layers/search/SearchIndexerLive.ts"
import * as VectorIndexMemory from "../../../layers/vectorindex/VectorIndexMemory.ts"
import { PriorsCollection } from "../../../services/Database.ts"
import { Unreachable, VectorIndex, VectorIndexError } from "../../../services/VectorIndex.ts"
import * as FakeEmbedder from "../../FakeEmbedder.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

type Engine = VectorIndex["Service"]

const collectionName = "priors"
const embedModel = "simulated"
const unreachableError = new VectorIndexError({ reason: new Unreachable({ detail: "simulated", cause: "simulated" }) })

/** The index of one run. */
export class SimulatedIndex {
  /** Probability that a call fails; every call fails until `unavailableUntil`. */
  failureRate = 0.02
  unavailableUntil = 0
  private readonly runtime: SimulationRuntime
  private readonly oracle: DurableModel
  private readonly random: SeededRandom
  private readonly embedder = FakeEmbedder.make()
  private engine = VectorIndexMemory.make()
  private projections = new Map<string, { seq: number; state: PublishedMessages.PublicationState }>()
  private readonly projectedPoints = new Map<string, Payload>()

  constructor(runtime: SimulationRuntime, oracle: DurableModel) {
    this.runtime = runtime
    this.oracle = oracle
    this.random = runtime.random.stream("index")
    this.embedder.control.fail = () => this.random.chance(this.failureRate) ? FakeEmbedder.providerError : undefined
  }

  /** Deletes everything stored. */
  wipe(): void {
    this.engine = VectorIndexMemory.make()
  }

  /** A call over the network; a write that is answered with a failure may have been applied. */
  private callOverNetwork<A>(call: (engine: Engine) => Effect.Effect<A, VectorIndexError>) {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.sleep(this.random.int(1, 20))
      const unavailable = this.runtime.now < this.unavailableUntil || this.random.chance(this.failureRate)
      if (unavailable && this.random.chance(0.5)) return yield* unreachableError
      const answer = yield* call(this.engine)
      if (unavailable) return yield* unreachableError
      return answer
    })
  }

  private readonly service: Engine = {
    ensure: (...args) => this.callOverNetwork((engine) => engine.ensure(...args)),
    upsert: (...args) => this.callOverNetwork((engine) => engine.upsert(...args)),
    remove: (...args) => this.callOverNetwork((engine) => engine.remove(...args)),
    search: (...args) => this.callOverNetwork((engine) => engine.search(...args)),
    get: (...args) => this.callOverNetwork((engine) => engine.get(...args)),
    count: (...args) => this.callOverNetwork((engine) => engine.count(...args)),
    scroll: (...args) => this.callOverNetwork((engine) => engine.scroll(...args))
  }

  /** The search indexer of one server; `wrapEngine` lets a planted bug replace the engine. */
  layer(wrapEngine: (engine: Engine) => Engine = (engine) => engine) {
    return SearchIndexerLive.layer.pipe(
      Layer.provideMerge(DatabaseLive.layer),
      Layer.provideMerge(Layer.mergeAll(
        Layer.succeed(VectorIndex, wrapEngine(this.service)),
        Layer.succeed(PriorsCollection, { name: collectionName, dimension: FakeEmbedder.dimensions, embedModel }),
        this.embedder.layer
      ))
    )
  }

  /** The points that the durable logs publish. */
  private get expectedPoints(): ReadonlyMap<string, Payload> {
    for (const [topic, { entries }] of this.oracle.topics) {
      if (kindOf(topic) !== "thread") continue
      let { seq, state } = this.projections.get(topic) ?? { seq: 0, state: PublishedMessages.initial }
      for (const entry of entries.slice(seq)) {
        const [next, text] = PublishedMessages.step(state, entry, entry.decoded as ThreadModel.Event)
        state = next
        seq = entry.seq
        const drafts = text === undefined
          ? []
          : PointDrafts.draftPoints(text, TextChunker.splitIntoChunks(text.content.text ?? ""), embedModel)
        for (const { id, payload } of drafts) this.projectedPoints.set(id, payload)
      }
      this.projections.set(topic, { seq, state })
    }
    for (const { erased } of this.oracle.topics.values()) {
      for (const [id, { c }] of this.projectedPoints) if (erased.has(c)) this.projectedPoints.delete(id)
    }
    return this.projectedPoints
  }

  /**
   * How the index differs from the logs; undefined when it does not. A wiped index that was not accessed since also
   * gives undefined: the next access, or the next server, detects it.
   */
  get difference(): string | undefined {
    const { expectedPoints } = this
    const read = Effect.runSync(
      Effect.result(this.engine.scroll(collectionName, { after: null, limit: expectedPoints.size + 1 }))
    )
    if (read._tag === "Failure") return undefined
    const stored = new Map(read.success.map(({ id, payload }) => [id, payload]))
    const differing = [...new Set([...expectedPoints.keys(), ...stored.keys()])]
      .filter((id) => !isDeepStrictEqual(stored.get(id), expectedPoints.get(id)))
    return differing.length === 0
      ? undefined
      : `the index holds ${stored.size} points, the logs publish ${expectedPoints.size}, and ${differing.length} differ`
  }
}
