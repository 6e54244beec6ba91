/** One life of the server: the real layers over the simulated disk, network and model. */
import { Context, Effect, Exit, Layer, Scope } from "effect"
import type { TopicId } from "../../src/domain/Ids.ts"
import { shipped } from "../../src/domain/kinds/Kinds.ts"
import type { Limits } from "../../src/domain/Limits.ts"
import { challengeText } from "../../src/domain/Protocol.ts"
import * as RunStepPerformer from "../../src/layers/chorus/RunStepPerformer.ts"
import * as Gateway from "../../src/layers/connection/Gateway.ts"
import * as Performers from "../../src/layers/Performers.ts"
import * as Signals from "../../src/layers/signals/Local.ts"
import * as Memory from "../../src/layers/socket/Memory.ts"
import * as TopicsLocal from "../../src/layers/topics/Local.ts"
import { Chorus } from "../../src/services/Chorus.ts"
import { Directory } from "../../src/services/Directory.ts"
import { EventLog } from "../../src/services/EventLog.ts"
import { Kinds } from "../../src/services/Kinds.ts"
import { Sessions } from "../../src/services/Sessions.ts"
import { Socket } from "../../src/services/Socket.ts"
import { Topics } from "../../src/services/Topics.ts"
import type { VectorIndex } from "../../src/services/VectorIndex.ts"
import type { Disk } from "./Disk.ts"
import type { Index } from "./Index.ts"
import { verify } from "./Key.ts"
import type { Network } from "./Network.ts"
import type { Process } from "./Process.ts"
import type { Provider } from "./Provider.ts"

/** What a planted bug puts in place of the real thing. */
export interface Plant {
  readonly log?: (log: EventLog["Service"], process: Process) => EventLog["Service"]
  readonly topics?: (topics: Topics["Service"], process: Process) => Topics["Service"]
  readonly network?: (network: Network) => void
  readonly kinds?: (kinds: Kinds["Service"]) => Kinds["Service"]
  readonly index?: (engine: VectorIndex["Service"]) => VectorIndex["Service"]
  /** In place of what tells everybody that the server goes. */
  readonly drain?: Effect.Effect<void>
}

export interface Surroundings {
  readonly disk: Disk
  readonly index: Index
  readonly network: Network
  readonly provider: Provider
  readonly limits: Limits
  readonly plant: Plant
  /** A command was answered: accepted by a topic, or refused. */
  readonly settled: (id: string, topic: TopicId | undefined) => void
}

export const audience = "http://choir.test"

const layer = (process: Process, { disk, index, limits, plant, provider, settled }: Surroundings) => {
  const log = disk.logFor(process)
  const storage = Layer.mergeAll(
    Layer.succeed(EventLog, plant.log?.(log, process) ?? log),
    Layer.succeed(Directory, disk.directoryFor()),
    Layer.effect(Sessions, disk.sessionsFor(limits, verify, (challenge, user) => challengeText(challenge, user)))
  )
  const local = TopicsLocal.layer({ limits })
  const watched = (topics: Topics["Service"]): Topics["Service"] => ({
    ...topics,
    post: (topic, submission) =>
      topics.post(topic, {
        ...submission,
        reply: (outcome) => {
          settled(submission.id, outcome._tag === "Success" ? outcome.success.topic : undefined)
          submission.reply(outcome)
        }
      })
  })
  const topics = Layer.effect(Topics, Effect.map(Topics, (real) => watched(plant.topics?.(real, process) ?? real)))
    .pipe(
      Layer.provide(local)
    )
  const kinds = Layer.succeed(Kinds, plant.kinds?.(shipped) ?? shipped)
  const search = index.layer(plant.index).pipe(Layer.provide(kinds))
  return Gateway.layer({ audience: () => audience, limits }).pipe(
    Layer.provideMerge(RunStepPerformer.layer),
    Layer.provideMerge(Layer.succeed(Chorus, provider.service)),
    Layer.provideMerge(Signals.layer(limits)),
    Layer.provideMerge(topics),
    Layer.provideMerge(Performers.layer),
    Layer.provideMerge(kinds),
    Layer.provideMerge(Memory.layer(limits)),
    Layer.provideMerge(search),
    Layer.provideMerge(storage)
  )
}

/** A server that runs, or is starting. */
export class Server {
  readonly process: Process
  private readonly around: Surroundings
  private readonly scope = Scope.makeUnsafe()
  private stopping = false
  private services: Context.Context<Topics | Socket | Gateway.Gateway | Memory.Memory> | undefined

  constructor(process: Process, around: Surroundings) {
    this.process = process
    this.around = around
    process.run(
      Effect.gen({ self: this }, function*() {
        const services = yield* Scope.provide(Layer.build(layer(process, around)), this.scope)
        yield* Context.get(services, Topics).recover
        yield* Effect.orDie(Context.get(services, Socket).start)
        this.services = services
        around.network.listening = { process, memory: Context.get(services, Memory.Memory) }
        process.world.note(`${process.name} serves`)
      })
    )
  }

  /** Whether it has started, and is neither dead nor about to stop. */
  get serving(): boolean {
    return this.services !== undefined && !this.stopping && !this.process.dead
  }

  /** Bytes that wait for each connection, and what is live. */
  look<A>(use: (services: Context.Context<Topics | Socket>) => Effect.Effect<A>): A | undefined {
    return this.services === undefined ? undefined : Effect.runSync(use(this.services))
  }

  kill(silent: boolean): void {
    const { disk, network } = this.around
    this.process.kill()
    if (network.listening?.process === this.process) network.listening = undefined
    disk.crash(this.process)
    network.crashed(this.process, silent)
  }

  /** Lets everybody go, then stops, as on SIGTERM (SYN11). */
  stop(then: () => void): void {
    const { network, plant } = this.around
    const { process, scope, services } = this
    this.stopping = true
    if (network.listening?.process === process) network.listening = undefined
    process.run(
      Effect.gen(function*() {
        if (services !== undefined) {
          yield* plant.drain ?? Context.get(services, Gateway.Gateway).drain
          yield* Context.get(services, Socket).stop
        }
        yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.ensuring(Effect.sync(then)))
    )
  }
}
