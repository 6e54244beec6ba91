/**
 * One server process: the real gateway, topics and search layers over the simulated disk, network, index and model.
 * Planted bugs replace single services here.
 */
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { builtInKinds } from "../../../domain/BuiltInKinds.ts"
import type { TopicId } from "../../../domain/protocol/Ids.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import { challengeSigningInput } from "../../../domain/protocol/Protocol.ts"
import * as RunStepHandler from "../../../layers/chorus/RunStepHandler.ts"
import * as Gateway from "../../../layers/gateway/Gateway.ts"
import * as SignalsLocal from "../../../layers/presence/SignalsLocal.ts"
import * as PriorsLive from "../../../layers/search/PriorsLive.ts"
import * as SocketMemory from "../../../layers/socket/memory/SocketMemory.ts"
import * as IntentHandlersLive from "../../../layers/topics/IntentHandlersLive.ts"
import * as TextEraser from "../../../layers/topics/TextEraser.ts"
import * as TopicsLocal from "../../../layers/topics/TopicsLocal.ts"
import { Chorus } from "../../../services/Chorus.ts"
import { Directory } from "../../../services/Directory.ts"
import { EventLog } from "../../../services/EventLog.ts"
import { Kinds } from "../../../services/Kinds.ts"
import { Priors } from "../../../services/Priors.ts"
import { Sessions } from "../../../services/Sessions.ts"
import { Socket } from "../../../services/Socket.ts"
import { Topics } from "../../../services/Topics.ts"
import type { VectorIndex } from "../../../services/VectorIndex.ts"
import type { SimulatedProcess } from "../runtime/SimulatedProcess.ts"
import { verify } from "../runtime/TestKeys.ts"
import type { SimulatedDisk } from "./SimulatedDisk.ts"
import type { SimulatedIndex } from "./SimulatedIndex.ts"
import type { SimulatedModel } from "./SimulatedModel.ts"
import type { SimulatedNetwork } from "./SimulatedNetwork.ts"

/** The services that a planted bug replaces. */
export interface PlantedBug {
  readonly log?: (log: EventLog["Service"], process: SimulatedProcess) => EventLog["Service"]
  readonly directory?: (directory: Directory["Service"]) => Directory["Service"]
  readonly topics?: (topics: Topics["Service"], process: SimulatedProcess) => Topics["Service"]
  readonly sessions?: (sessions: Sessions["Service"]) => Sessions["Service"]
  readonly network?: (network: SimulatedNetwork) => void
  readonly kinds?: (kinds: Kinds["Service"]) => Kinds["Service"]
  readonly index?: (engine: VectorIndex["Service"]) => VectorIndex["Service"]
  /** Replaces the announcement of a drain. */
  readonly drain?: Effect.Effect<void>
}

/** The environment shared by server processes: everything that survives a crash of one. */
export interface ServerDependencies {
  readonly disk: SimulatedDisk
  readonly index: SimulatedIndex
  readonly network: SimulatedNetwork
  readonly model: SimulatedModel
  readonly limits: Limits
  readonly plantedBug: PlantedBug
  /** Called when a command was answered; `topic` is undefined for a rejection. */
  readonly onCommandAnswered: (id: string, topic: TopicId | undefined) => void
}

/** The audience that clients sign challenges for. */
export const audience = "http://choir.test"

const serverLayer = (
  process: SimulatedProcess,
  { disk, index, limits, plantedBug, model, onCommandAnswered }: ServerDependencies
) => {
  const log = disk.logFor(process)
  const directory = disk.directoryFor()
  const storage = Layer.mergeAll(
    Layer.succeed(EventLog, plantedBug.log?.(log, process) ?? log),
    Layer.succeed(Directory, plantedBug.directory?.(directory) ?? directory),
    Layer.effect(
      Sessions,
      Effect.map(
        disk.sessionsFor(limits, verify, (challenge, user) => challengeSigningInput(challenge, user)),
        (sessions) => plantedBug.sessions?.(sessions) ?? sessions
      )
    )
  )
  const localTopics = TopicsLocal.layer({ limits })
  const observed = (topics: Topics["Service"]): Topics["Service"] => ({
    ...topics,
    post: (topic, submission) =>
      topics.post(topic, {
        ...submission,
        reply: (outcome) => {
          onCommandAnswered(submission.id, outcome._tag === "Success" ? outcome.success.topic : undefined)
          submission.reply(outcome)
        }
      })
  })
  const topics = Layer.effect(
    Topics,
    Effect.map(Topics, (real) => observed(plantedBug.topics?.(real, process) ?? real))
  )
    .pipe(
      Layer.provide(localTopics)
    )
  const kinds = Layer.succeed(Kinds, plantedBug.kinds?.(builtInKinds) ?? builtInKinds)
  const search = index.layer(plantedBug.index).pipe(Layer.provide(kinds))
  const chorus = Layer.effect(Chorus, Effect.map(Priors, ({ find }) => model.serviceFor(find))).pipe(
    Layer.provide(PriorsLive.layer)
  )
  return Gateway.layer({ audience: () => audience, limits }).pipe(
    Layer.provideMerge(Layer.mergeAll(RunStepHandler.layer, TextEraser.layer)),
    Layer.provideMerge(chorus),
    Layer.provideMerge(SignalsLocal.layer(limits)),
    Layer.provideMerge(topics),
    Layer.provideMerge(IntentHandlersLive.layer),
    Layer.provideMerge(kinds),
    Layer.provideMerge(SocketMemory.layer(limits)),
    Layer.provideMerge(search),
    Layer.provideMerge(storage)
  )
}

/** A server that is starting, running, stopping or killed. */
export class SimulatedServer {
  readonly process: SimulatedProcess
  private readonly dependencies: ServerDependencies
  private readonly scope = Scope.makeUnsafe()
  private stopping = false
  private services: Context.Context<Topics | Socket | Gateway.Gateway | SocketMemory.MemoryConnector> | undefined

  constructor(process: SimulatedProcess, dependencies: ServerDependencies) {
    this.process = process
    this.dependencies = dependencies
    process.run(
      Effect.gen({ self: this }, function*() {
        const services = yield* Scope.provide(Layer.build(serverLayer(process, dependencies)), this.scope)
        yield* Context.get(services, Topics).recover
        yield* Effect.orDie(Context.get(services, Socket).start)
        this.services = services
        dependencies.network.listener = { process, memory: Context.get(services, SocketMemory.MemoryConnector) }
        process.runtime.record(`${process.name} serves`)
      })
    )
  }

  /** Whether it has started and is neither killed nor stopping. */
  get isServing(): boolean {
    return this.services !== undefined && !this.stopping && !this.process.killed
  }

  /** Runs an effect against the server's services; undefined while it is starting. */
  inspect<A>(use: (services: Context.Context<Topics | Socket>) => Effect.Effect<A>): A | undefined {
    return this.services === undefined ? undefined : Effect.runSync(use(this.services))
  }

  /** `kill -9`. `silent`: as when the machine fails, so that clients get no close. */
  kill(silent: boolean): void {
    const { disk, network } = this.dependencies
    this.process.kill()
    if (network.listener?.process === this.process) network.listener = undefined
    disk.serverCrashed(this.process)
    network.serverCrashed(this.process, silent)
  }

  /** Drains and then stops, as on SIGTERM (SYN11). */
  stop(onStopped: () => void): void {
    const { network, plantedBug } = this.dependencies
    const { process, scope, services } = this
    this.stopping = true
    if (network.listener?.process === process) network.listener = undefined
    process.run(
      Effect.gen(function*() {
        if (services !== undefined) {
          yield* plantedBug.drain ?? Context.get(services, Gateway.Gateway).drain
          yield* Context.get(services, Socket).stop
        }
        yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.ensuring(Effect.sync(onStopped)))
    )
  }
}
