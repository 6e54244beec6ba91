/**
 * A device's copy of a topic is spoilt on purpose: it must find out by the next
 * hash that the server says, and be given a whole one (SYN7).
 */
import { isDeepStrictEqual } from "node:util"
import type { Replica } from "../../../client/Replica.ts"
import type { TopicId } from "../../../domain/protocol/Ids.ts"
import { defaults } from "../../../domain/protocol/Limits.ts"
import type { SimulationRuntime } from "../cluster/SimulationRuntime.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"

/** Hashes that a delta to `seq` must have brought since the log began. */
const hashCountAt = (seq: number): number => Math.floor(seq / defaults.hashEvery)

/** The spoilt copies in one life of a device's program. */
export class ReplicaCorruption {
  private readonly runtime: SimulationRuntime
  private readonly oracle: DurableModel
  private readonly instance: string
  /** By topic, where the copy stood when it was spoilt. */
  private readonly corruptedAt = new Map<TopicId, number>()

  constructor(runtime: SimulationRuntime, oracle: DurableModel, instance: string) {
    this.runtime = runtime
    this.oracle = oracle
    this.instance = instance
  }

  get hasCorruption(): boolean {
    return this.corruptedAt.size > 0
  }

  /** Changes what nobody will ever change back. */
  corrupt(replicas: ReadonlyMap<TopicId, Replica>, topic: TopicId): void {
    const replica = replicas.get(topic)
    if (replica?.position === undefined || replica.sync._tag !== "Live") return
    const decided = { ...replica.confirmed as object, title: "spoilt", "spoilt by": this.instance }
    // No message of the protocol does this, so it is done in the machine's own map.
    const mutableReplicas = replicas as Map<TopicId, Replica>
    mutableReplicas.set(topic, { ...replica, confirmed: decided })
    this.corruptedAt.set(topic, replica.position.seq)
    this.oracle.corruptedReplicas.add(`${this.instance} ${topic}`)
    this.runtime.record(`${this.instance}'s ${topic} is spoilt at ${replica.position.seq}`)
  }

  /** Whether this copy is still spoilt; it may be so only until the next hash. */
  isCorrupt({ confirmed, position, sync, topic }: Replica): boolean {
    const corruptedSeq = this.corruptedAt.get(topic)
    if (corruptedSeq === undefined) return false
    const seq = position?.seq
    if (seq !== undefined && isDeepStrictEqual(confirmed, this.oracle.historyOf(topic)?.states[seq])) {
      this.corruptedAt.delete(topic)
      return false
    }
    if (seq !== undefined && sync._tag === "Live" && hashCountAt(seq) > hashCountAt(corruptedSeq)) {
      this.runtime.reportViolation(
        "SYN7",
        `${this.instance} has not found out by ${seq} that its ${topic} was spoilt at ${corruptedSeq}`
      )
    }
    return true
  }
}
