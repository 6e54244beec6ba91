/** The topics that the search indexer has to read, written to by the event log's append listeners. Bounded: beyond its limit it holds "all topics". */
import { Effect, Latch } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"

/** Topics kept one by one; beyond that, all topics are looked at. */
const maxPendingTopics = 4096

/** The work taken from the queue. `everything`: any topic may have new events. */
export interface Work {
  readonly topics: ReadonlyArray<TopicId>
  readonly everything: boolean
}

/** A set of topics with a wake-up, and a latch that is open while it is empty and nothing of it is being worked on. */
export class WorkQueue {
  private readonly topics = new Set<TopicId>()
  private everything = true
  private readonly idle = Latch.makeUnsafe(false)
  private readonly hasWork = Latch.makeUnsafe(true)

  /** The number of topics in the queue. */
  get size(): number {
    return this.topics.size
  }

  add(topic: TopicId): void {
    if (this.topics.size < maxPendingTopics) this.topics.add(topic)
    else this.everything = true
    this.wake()
  }

  addAll(): void {
    this.everything = true
    this.wake()
  }

  /** Empties the queue. */
  take(): Work {
    const work: Work = { topics: Array.from(this.topics), everything: this.everything }
    this.topics.clear()
    this.everything = false
    Latch.closeUnsafe(this.hasWork)
    return work
  }

  /** To be called when all work that was taken is done. */
  completeWork(): void {
    if (this.topics.size === 0 && !this.everything) Latch.openUnsafe(this.idle)
  }

  /** Waits until the queue is empty and all work is done. */
  readonly awaitIdle: Effect.Effect<void> = Effect.suspend(() => Latch.await(this.idle))

  /** Waits until there is something to take. */
  readonly awaitWork: Effect.Effect<void> = Effect.suspend(() => Latch.await(this.hasWork))

  private wake(): void {
    Latch.closeUnsafe(this.idle)
    Latch.openUnsafe(this.hasWork)
  }
}
