/** The subscribers of one topic, and its newest events, so that a reconnect storm does not read the log (FLT10). */
import { Result, Struct } from "effect"
import { replyLane } from "../../domain/delivery/Lane.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import * as Protocol from "../../domain/protocol/Protocol.ts"
import * as StateHash from "../../domain/protocol/StateHash.ts"
import { recentEventsAfter, toPublishedEvent } from "../../domain/topic/CatchUp.ts"
import { isErased } from "../../domain/topic/Erasure.ts"
import { type AppendedEntry, openingsOfEntry } from "../../domain/topic/Log.ts"
import type { Publication } from "../../domain/topic/Publication.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { Subscriber } from "../../services/Topics.ts"
import * as FrameBatch from "../delivery/FrameBatch.ts"

/** The parts of a frame's envelope that are not deterministic. */
export interface FrameMetadata {
  readonly id: string
  readonly now: number
}

/** TOP10: an entry without the texts of these commitments. */
const withoutTexts = (commitments: ReadonlyArray<string>) => (entry: AppendedEntry): AppendedEntry => {
  const open = openingsOfEntry(entry)
  return commitments.some((c) => c in open) ? { ...entry, open: Struct.omit(open, commitments) } : entry
}

/** Delivers a topic's frames. A subscriber that throws is removed and does not affect the others. */
export class Subscribers {
  readonly topic: TopicId
  private readonly recentMax: number
  private readonly byId = new Map<string, Subscriber>()
  private lastHashedState: unknown
  private recentEntries: Array<AppendedEntry> = []
  private readonly batch = FrameBatch.make()
  /** Subscribers that read a frame at once; while there are any, no frame may be appended to. */
  private nonBatchingCount = 0

  /** `recentMax`: how many of the newest events are kept. */
  constructor(topic: TopicId, recentMax: number) {
    this.topic = topic
    this.recentMax = recentMax
  }

  get size(): number {
    return this.byId.size
  }

  add(subscriber: Subscriber): void {
    this.remove(subscriber.id)
    this.byId.set(subscriber.id, subscriber)
    if (subscriber.supportsBatching !== true) this.nonBatchingCount += 1
  }

  /** Also closes the open batch: its frames went to another set of subscribers. */
  remove(id: string): void {
    const subscriber = this.byId.get(id)
    this.batch.openFrame = undefined
    if (subscriber === undefined) return
    this.byId.delete(id)
    if (subscriber.supportsBatching !== true) this.nonBatchingCount -= 1
  }

  deliver(frame: OutboundFrame): void {
    if (this.byId.size === 0 || FrameBatch.tryAppend(this.batch, frame)) return
    if (this.nonBatchingCount === 0) FrameBatch.open(this.batch, frame)
    for (const subscriber of this.byId.values()) {
      try {
        subscriber.deliver(frame)
      } catch {
        this.remove(subscriber.id)
      }
    }
  }

  /** Keeps the newest entries, and delivers them as one delta, encoded once (SYN3, SYN9). `state` is the one after them. */
  publish(
    entries: ReadonlyArray<AppendedEntry>,
    { from, hashDue, to }: NonNullable<Publication["delta"]>,
    state: unknown,
    newMetadata: () => FrameMetadata
  ): void {
    for (const entry of entries) {
      this.recentEntries.push(entry)
      if (isErased(entry.event)) this.recentEntries = this.recentEntries.map(withoutTexts(entry.event.texts))
    }
    // Trimmed at twice the size, so that a push costs little on average.
    if (this.recentEntries.length > 2 * this.recentMax) this.recentEntries = this.recentEntries.slice(-this.recentMax)
    if (this.byId.size === 0) return
    const events = entries.map(toPublishedEvent)
    const lane = { _tag: "Durable", topic: this.topic, seq: to, from } as const
    const delta = { _tag: "delta", from, to, events, ...(hashDue ? this.hashField(state) : undefined) } as const
    this.deliver({ text: this.encode(delta, newMetadata()), lane })
  }

  /** SYN7: the hash of a state, computed from the one hashed before it; nothing for a state that cannot be hashed. */
  hashField(state: unknown): { readonly hash: StateHash.StateHash } | undefined {
    const { lastHashedState } = this
    this.lastHashedState = state
    return Result.getOrElse(Result.try(() => ({ hash: StateHash.hashState(state, lastHashedState) })), () => undefined)
  }

  /** Starts again with the newest entries of a log that was loaded. */
  reset(tail: ReadonlyArray<AppendedEntry>): void {
    this.recentEntries = tail.slice(-this.recentMax)
  }

  /** The events after `seq` up to `newest`; undefined when not all of them are kept. */
  recentAfter(seq: number, newest: number): ReadonlyArray<Protocol.PublishedEvent> | undefined {
    return recentEventsAfter(this.recentEntries, seq, newest)?.map(toPublishedEvent)
  }

  /** Ends the subscriptions of users who may no longer read, with `unsubscribed` (THR10). */
  removeUnauthorised(mayRead: (subscriber: Subscriber) => boolean, newMetadata: () => FrameMetadata): void {
    for (const subscriber of this.byId.values()) {
      if (mayRead(subscriber)) continue
      this.remove(subscriber.id)
      Result.try(() =>
        subscriber.deliver({
          text: this.encode({ _tag: "unsubscribed", ref_id: null }, newMetadata()),
          lane: replyLane
        })
      )
      Result.try(() => subscriber.onAccessRevoked?.(this.topic))
    }
  }

  private encode(message: Protocol.ServerMessage, { id, now }: FrameMetadata): string {
    return Protocol.encodeServerMessage(message, { id, timestamp: now, thread_id: this.topic })
  }
}
