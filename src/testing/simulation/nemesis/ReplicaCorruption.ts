/**
 * Corrupts a device's replica of a topic: the client must detect it by the next state hash of the server, and recover
 * with a snapshot (SYN7).
 */
import type { Replica } from "../../../client/Replica.ts"
import type { TopicId } from "../../../domain/protocol/Ids.ts"
import { defaults } from "../../../domain/protocol/Limits.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

/** Number of state hashes that deltas up to `seq` carry. */
const hashCountAt = (seq: number): number => Math.floor(seq / defaults.hashEvery)

/** The corrupted replicas of one client process. */
export class ReplicaCorruption {
  private readonly runtime: SimulationRuntime
  private readonly oracle: DurableModel
  private readonly instance: string
  /** By topic, the position of the replica when it was corrupted. */
  private readonly corruptedAt = new Map<TopicId, number>()

  constructor(runtime: SimulationRuntime, oracle: DurableModel, instance: string) {
    this.runtime = runtime
    this.oracle = oracle
    this.instance = instance
  }

  /** Whether a corrupted replica has not been replaced yet, as far as was checked. */
  get hasCorruption(): boolean {
    return this.corruptedAt.size > 0
  }

  /** Changes a field that no event changes back. Without a live replica it does nothing. */
  corrupt(replicas: ReadonlyMap<TopicId, Replica>, topic: TopicId): void {
    const replica = replicas.get(topic)
    if (replica?.position === undefined || replica.sync._tag !== "Live") return
    const confirmed = { ...replica.confirmed as object, title: "corrupt", "corrupted by": this.instance }
    // No protocol message corrupts a replica, so the client machine's own map is changed.
    const mutableReplicas = replicas as Map<TopicId, Replica>
    mutableReplicas.set(topic, { ...replica, confirmed })
    this.corruptedAt.set(topic, replica.position.seq)
    this.oracle.corruptedReplicas.add(`${this.instance} ${topic}`)
    this.runtime.record(`${this.instance}'s ${topic} is corrupted at ${replica.position.seq}`)
  }

  /** Whether this replica is still corrupt; reports a violation when a hash has passed meanwhile. */
  isCorrupt({ confirmed, position, sync, topic }: Replica): boolean {
    const corruptedSeq = this.corruptedAt.get(topic)
    if (corruptedSeq === undefined) return false
    const seq = position?.seq
    if (seq !== undefined && this.oracle.isStateAt(topic, seq, confirmed)) {
      this.corruptedAt.delete(topic)
      return false
    }
    if (seq !== undefined && sync._tag === "Live" && hashCountAt(seq) > hashCountAt(corruptedSeq)) {
      this.runtime.reportViolation(
        "SYN7",
        `${this.instance} has not detected by ${seq} that its ${topic} was corrupted at ${corruptedSeq}`
      )
    }
    return true
  }
}
