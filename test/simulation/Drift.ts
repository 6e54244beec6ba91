/**
 * A device's copy of a topic is spoilt on purpose: it must find out by the next
 * hash that the server says, and be given a whole one (SYN7).
 */
import { isDeepStrictEqual } from "node:util"
import type { Replica } from "../../src/client/Replica.ts"
import type { TopicId } from "../../src/domain/Ids.ts"
import { defaults } from "../../src/domain/Limits.ts"
import type { Truth } from "./Truth.ts"
import type { World } from "./World.ts"

/** Hashes that a delta to `seq` must have brought since the log began. */
const hashes = (seq: number): number => Math.floor(seq / defaults.hashEvery)

/** The spoilt copies in one life of a device's program. */
export class Drift {
  private readonly world: World
  private readonly truth: Truth
  private readonly instance: string
  /** By topic, where the copy stood when it was spoilt. */
  private readonly from = new Map<TopicId, number>()

  constructor(world: World, truth: Truth, instance: string) {
    this.world = world
    this.truth = truth
    this.instance = instance
  }

  get any(): boolean {
    return this.from.size > 0
  }

  /** Changes what nobody will ever change back. */
  spoil(replicas: ReadonlyMap<TopicId, Replica>, topic: TopicId): void {
    const replica = replicas.get(topic)
    if (replica?.position === undefined || replica.sync._tag !== "Live") return
    const decided = { ...replica.decided as object, title: "spoilt", "spoilt by": this.instance }
    // No message of the protocol does this, so it is done in the machine's own map.
    const own = replicas as Map<TopicId, Replica>
    own.set(topic, { ...replica, decided })
    this.from.set(topic, replica.position.seq)
    this.truth.spoilt.add(`${this.instance} ${topic}`)
    this.world.note(`${this.instance}'s ${topic} is spoilt at ${replica.position.seq}`)
  }

  /** Whether this copy is still spoilt; it may be so only until the next hash. */
  spoilt({ decided, position, sync, topic }: Replica): boolean {
    const from = this.from.get(topic)
    if (from === undefined) return false
    const seq = position?.seq
    if (seq !== undefined && isDeepStrictEqual(decided, this.truth.at(topic)?.states[seq])) {
      this.from.delete(topic)
      return false
    }
    if (seq !== undefined && sync._tag === "Live" && hashes(seq) > hashes(from)) {
      this.world.violate("SYN7", `${this.instance} has not found out by ${seq} that its ${topic} was spoilt at ${from}`)
    }
    return true
  }
}
