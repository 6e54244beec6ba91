/**
 * One process of a client device: the real client library over the simulated network. A reload kills it and starts
 * another, with none of its memory.
 */
import { Effect, Scope } from "effect"
import * as Client from "../../../client/Client.ts"
import type { TopicId, UserId } from "../../../domain/protocol/Ids.ts"
import { roomKind } from "../../../domain/room/Room.ts"
import { threadKind } from "../../../domain/thread/Thread.ts"
import * as Entropy from "../../../layers/runtime/Entropy.ts"
import type { SimulatedNetwork } from "../cluster/SimulatedNetwork.ts"
import { audience } from "../cluster/SimulatedServer.ts"
import { ReplicaCorruption } from "../nemesis/ReplicaCorruption.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import type { SimulatedProcess } from "../runtime/SimulatedProcess.ts"
import * as TestKeys from "../runtime/TestKeys.ts"

/** The client program, from its start until a reload. */
export class DeviceProcess {
  readonly process: SimulatedProcess
  readonly client: Client.Client
  readonly author: UserId
  /** Whether its user signs each command (AUT5). */
  readonly signsCommands: boolean
  readonly instance: string
  readonly scope = Scope.makeUnsafe()
  readonly subscriptions = new Map<TopicId, () => void>()
  readonly corruption: ReplicaCorruption
  sentCount = 0

  constructor(process: SimulatedProcess, network: SimulatedNetwork, oracle: DurableModel, name: string) {
    this.process = process
    this.instance = process.name
    this.author = TestKeys.userIdOf(name)
    this.signsCommands = process.random.stream("signs").chance(0.3)
    this.corruption = new ReplicaCorruption(process.runtime, oracle, process.name)
    const random = process.random.stream("ids")
    let client: Client.Client | undefined
    process.run(
      Scope.provide(
        Client.make({
          url: audience,
          identity: TestKeys.identity(name),
          kinds: [threadKind, roomKind],
          signCommands: this.signsCommands,
          connect: () => network.connect(process),
          uuid: () => Entropy.randomUuid(random)
        }),
        this.scope
      ).pipe(Effect.map((created) => {
        client = created
      }))
    )
    // `Client.make` does not suspend, so the client exists by now.
    if (client === undefined) throw new TypeError("Client.make suspended")
    this.client = client
  }
}
