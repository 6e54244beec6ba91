/** Who hears of one topic, and the newest events, kept so that a storm of reconnects costs the log nothing. */
import { Result } from "effect"
import { replyLane } from "../../domain/delivery/Lane.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import * as Protocol from "../../domain/protocol/Protocol.ts"
import * as StateHash from "../../domain/protocol/StateHash.ts"
import type { Entry } from "../../domain/topic/Log.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { Subscriber } from "../../services/Topics.ts"
import * as FrameBatch from "../delivery/FrameBatch.ts"

/** What a frame's envelope needs from outside. */
export interface FrameMetadata {
  readonly id: string
  readonly now: number
}

export const toPublishedEvent = ({ at, author, cause, event, seq }: Entry): Protocol.PublishedEvent => ({
  seq,
  at,
  cause,
  author,
  event
})

/** The subscribers of one topic. A subscriber that throws is dropped; the others never notice. */
export class Subscribers {
  readonly topic: TopicId
  private readonly recentMax: number
  private readonly hashEvery: number
  private readonly byId = new Map<string, Subscriber>()
  /** The state that was hashed last. */
  private lastHashedState: unknown
  private recentEvents: Array<Protocol.PublishedEvent> = []
  private readonly batch = FrameBatch.make()
  /** How many read a frame at once, so that nothing may join it later. */
  private nonBatchingCount = 0

  /** `recentMax`: how many of the newest events to hold; `hashEvery`: after how many to say a hash of the state. */
  constructor(topic: TopicId, recentMax: number, hashEvery: number) {
    this.topic = topic
    this.recentMax = recentMax
    this.hashEvery = hashEvery
  }

  get size(): number {
    return this.byId.size
  }

  add(subscriber: Subscriber): void {
    this.remove(subscriber.id)
    this.byId.set(subscriber.id, subscriber)
    if (subscriber.supportsBatching !== true) this.nonBatchingCount += 1
  }

  /** Whoever comes or goes, what was said before is not joined by what is said after. */
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

  /**
   * Takes in entries that have become durable, and tells everybody in one frame (SYN3, SYN9). The hash of `state`,
   * the one after them, goes along when they pass a multiple of `hashEvery` (SYN7).
   */
  publish(entries: ReadonlyArray<Entry>, state: unknown, newMetadata: () => FrameMetadata): void {
    const last = entries.at(-1)
    if (last === undefined) return
    const events = entries.map(toPublishedEvent)
    for (const event of events) this.recentEvents.push(event)
    // Trimmed at twice the size, so that a push costs little on average.
    if (this.recentEvents.length > 2 * this.recentMax) this.recentEvents = this.recentEvents.slice(-this.recentMax)
    if (this.byId.size === 0) return
    const from = last.seq - entries.length
    const lane = { _tag: "Durable", topic: this.topic, seq: last.seq } as const
    const hashDue = Math.floor(from / this.hashEvery) < Math.floor(last.seq / this.hashEvery)
    const delta = {
      _tag: "delta",
      from,
      to: last.seq,
      events,
      ...(hashDue ? this.hashField(state) : undefined)
    } as const
    this.deliver({ text: this.encode(delta, newMetadata()), lane })
  }

  /** SYN7: the hash of the topic's state, made from the one before; nothing for a state that cannot be hashed. */
  hashField(state: unknown): { readonly hash: StateHash.StateHash } | undefined {
    const { lastHashedState } = this
    this.lastHashedState = state
    return Result.getOrElse(Result.try(() => ({ hash: StateHash.hashState(state, lastHashedState) })), () => undefined)
  }

  /** Begins anew with the newest entries of a log that was loaded. */
  reset(tail: ReadonlyArray<Entry>): void {
    this.recentEvents = tail.slice(-this.recentMax).map(toPublishedEvent)
  }

  /** The events after `seq` up to the newest, when they are all still here. */
  recentSince(seq: number, newest: number): ReadonlyArray<Protocol.PublishedEvent> | undefined {
    if (seq === newest) return []
    const first = this.recentEvents[0]
    return first !== undefined && first.seq <= seq + 1 ? this.recentEvents.slice(seq + 1 - first.seq) : undefined
  }

  /** Ends the subscriptions of those who may no longer read, and tells them so. */
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
