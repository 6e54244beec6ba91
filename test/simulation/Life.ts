/** One life of a device's program; a reload begins another. */
import { Effect, Scope } from "effect"
import * as Client from "../../src/client/Client.ts"
import type { TopicId } from "../../src/domain/Ids.ts"
import { room } from "../../src/domain/kinds/Room.ts"
import { thread } from "../../src/domain/kinds/Thread.ts"
import * as Entropy from "../../src/layers/Entropy.ts"
import { Drift } from "./Drift.ts"
import * as Key from "./Key.ts"
import type { Network } from "./Network.ts"
import type { Process } from "./Process.ts"
import { audience } from "./Server.ts"
import type { Truth } from "./Truth.ts"

export class Life {
  readonly process: Process
  readonly client: Client.Client
  readonly instance: string
  readonly scope = Scope.makeUnsafe()
  readonly watched = new Map<TopicId, () => void>()
  readonly drift: Drift
  sent = 0

  constructor(process: Process, network: Network, truth: Truth, name: string) {
    this.process = process
    this.instance = process.name
    this.drift = new Drift(process.world, truth, process.name)
    const random = process.dice.stream("ids")
    let client: Client.Client | undefined
    process.run(
      Scope.provide(
        Client.make({
          url: audience,
          identity: Key.identity(name),
          kinds: [thread, room],
          connect: () => network.connect(process),
          uuid: () => Entropy.uuid(random)
        }),
        this.scope
      ).pipe(Effect.map((it) => {
        client = it
      }))
    )
    // Making a client waits for nothing.
    if (client === undefined) throw new TypeError("the client was not made at once")
    this.client = client
  }
}
