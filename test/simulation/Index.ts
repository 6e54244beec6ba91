/**
 * The search index outside of all servers: the real in-memory engine behind a
 * network that fails, losing everything at times. At rest it must say what the
 * logs say (STO4).
 */
import { Effect, Layer } from "effect"
import { isDeepStrictEqual } from "node:util"
import { kindOf } from "../../src/domain/Ids.ts"
import type * as ThreadModel from "../../src/domain/kinds/ThreadModel.ts"
import * as Chunks from "../../src/domain/storage/Chunks.ts"
import * as Published from "../../src/domain/storage/Published.ts"
import type { Payload } from "../../src/domain/storage/VectorPoint.ts"
import * as Database from "../../src/layers/database/Database.ts"
import * as PointId from "../../src/layers/database/PointId.ts"
import * as Projector from "../../src/layers/database/Projector.ts"
import * as Memory from "../../src/layers/vectorindex/Memory.ts"
import { PriorsCollection } from "../../src/services/Database.ts"
import { Unreachable, VectorIndex, VectorIndexError } from "../../src/services/VectorIndex.ts"
import * as Embedder from "../support/Embedder.ts"
import type { Dice } from "./Dice.ts"
import type { Truth } from "./Truth.ts"
import type { World } from "./World.ts"

type Engine = VectorIndex["Service"]

const name = "priors"
const embedModel = "simulated"
const unreachable = new VectorIndexError({ reason: new Unreachable({ detail: "simulated", cause: "simulated" }) })

export class Index {
  /** The share of calls that find nobody; all of them until `downUntil`. */
  failing = 0.02
  downUntil = 0
  private readonly world: World
  private readonly truth: Truth
  private readonly dice: Dice
  private readonly embedder = Embedder.make()
  private engine = Memory.make()
  private folds = new Map<string, { seq: number; state: Published.State }>()
  private readonly wanted = new Map<string, Payload>()

  constructor(world: World, truth: Truth) {
    this.world = world
    this.truth = truth
    this.dice = world.dice.stream("index")
    this.embedder.control.fail = () => this.dice.chance(this.failing) ? Embedder.outage : undefined
  }

  /** Everything stored is gone. */
  lose(): void {
    this.engine = Memory.make()
  }

  /** A call over the network; a write that is answered by a failure may have happened. */
  private through<A>(call: (engine: Engine) => Effect.Effect<A, VectorIndexError>) {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.sleep(this.dice.int(1, 20))
      const down = this.world.now < this.downUntil || this.dice.chance(this.failing)
      if (down && this.dice.chance(0.5)) return yield* unreachable
      const answer = yield* call(this.engine)
      if (down) return yield* unreachable
      return answer
    })
  }

  private readonly service: Engine = {
    ensure: (...args) => this.through((engine) => engine.ensure(...args)),
    upsert: (...args) => this.through((engine) => engine.upsert(...args)),
    remove: (...args) => this.through((engine) => engine.remove(...args)),
    search: (...args) => this.through((engine) => engine.search(...args)),
    get: (...args) => this.through((engine) => engine.get(...args)),
    count: (...args) => this.through((engine) => engine.count(...args)),
    scroll: (...args) => this.through((engine) => engine.scroll(...args))
  }

  /** The projector of one server; `plant` puts a bug between it and the engine. */
  layer(plant: (engine: Engine) => Engine = (engine) => engine) {
    return Projector.layer.pipe(
      Layer.provideMerge(Database.layer),
      Layer.provideMerge(Layer.mergeAll(
        Layer.succeed(VectorIndex, plant(this.service)),
        Layer.succeed(PriorsCollection, { name, dimension: Embedder.dimensions, embedModel }),
        this.embedder.layer
      ))
    )
  }

  /** What the logs publish, as points. */
  private get projection(): ReadonlyMap<string, Payload> {
    for (const [topic, { entries }] of this.truth.topics) {
      if (kindOf(topic) !== "thread") continue
      let { seq, state } = this.folds.get(topic) ?? { seq: 0, state: Published.initial }
      for (const entry of entries.slice(seq)) {
        const [next, text] = Published.step(state, entry, entry.event as unknown as ThreadModel.Event)
        state = next
        seq = entry.seq
        const drafts = text === undefined ? [] : PointId.drafts(text, Chunks.split(text.content), embedModel)
        for (const { id, payload } of drafts) this.wanted.set(id, payload)
      }
      this.folds.set(topic, { seq, state })
    }
    return this.wanted
  }

  /**
   * How the index differs from the logs; undefined when it does not, and when it has lost everything and nobody has
   * asked it since: that is found out by the next who does, or by the next server.
   */
  get differs(): string | undefined {
    const { projection } = this
    const read = Effect.runSync(Effect.result(this.engine.scroll(name, { after: null, limit: projection.size + 1 })))
    if (read._tag === "Failure") return undefined
    const stored = new Map(read.success.map(({ id, payload }) => [id, payload]))
    const wrong = [...new Set([...projection.keys(), ...stored.keys()])]
      .filter((id) => !isDeepStrictEqual(stored.get(id), projection.get(id)))
    return wrong.length === 0
      ? undefined
      : `the index holds ${stored.size} points, the logs publish ${projection.size}, and ${wrong.length} differ`
  }
}
