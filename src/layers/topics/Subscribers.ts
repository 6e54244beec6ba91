/** Who hears of one topic, and the newest events, kept so that a storm of reconnects costs the log nothing. */
import { Result } from "effect"
import type { TopicId } from "../../domain/Ids.ts"
import type { Entry } from "../../domain/Log.ts"
import * as Protocol from "../../domain/Protocol.ts"
import * as StateHash from "../../domain/StateHash.ts"
import * as Frame from "../../services/Frame.ts"
import type { Subscriber } from "../../services/Topics.ts"

/** What a frame's envelope needs from outside. */
export interface Stamp {
  readonly id: string
  readonly now: number
}

export const viewOf = ({ at, author, cause, event, seq }: Entry): Protocol.EventView => ({
  seq,
  at,
  cause,
  author,
  event
})

/** The subscribers of one topic. A subscriber that throws is dropped; the others never notice. */
export class Subscribers {
  readonly topic: TopicId
  private readonly keep: number
  private readonly hashEvery: number
  private readonly byId = new Map<string, Subscriber>()
  /** The state that was hashed last. */
  private last: unknown
  private ring: Array<Protocol.EventView> = []
  private readonly run = Frame.run()
  /** How many read a frame at once, so that nothing may join it later. */
  private hasty = 0

  /** `keep`: how many of the newest events to hold; `hashEvery`: after how many to say a hash of the state. */
  constructor(topic: TopicId, keep: number, hashEvery: number) {
    this.topic = topic
    this.keep = keep
    this.hashEvery = hashEvery
  }

  get size(): number {
    return this.byId.size
  }

  add(subscriber: Subscriber): void {
    this.remove(subscriber.id)
    this.byId.set(subscriber.id, subscriber)
    if (subscriber.gathers !== true) this.hasty += 1
  }

  /** Whoever comes or goes, what was said before is not joined by what is said after. */
  remove(id: string): void {
    const known = this.byId.get(id)
    this.run.open = undefined
    if (known === undefined) return
    this.byId.delete(id)
    if (known.gathers !== true) this.hasty -= 1
  }

  deliver(frame: Frame.Frame): void {
    if (this.byId.size === 0 || Frame.join(this.run, frame)) return
    if (this.hasty === 0) Frame.begin(this.run, frame)
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
  append(entries: ReadonlyArray<Entry>, state: unknown, stamp: () => Stamp): void {
    const last = entries.at(-1)
    if (last === undefined) return
    const events = entries.map(viewOf)
    for (const event of events) this.ring.push(event)
    // Trimmed at twice the size, so that a push costs little on average.
    if (this.ring.length > 2 * this.keep) this.ring = this.ring.slice(-this.keep)
    if (this.byId.size === 0) return
    const from = last.seq - entries.length
    const lane = { _tag: "Durable", topic: this.topic, seq: last.seq } as const
    const due = Math.floor(from / this.hashEvery) < Math.floor(last.seq / this.hashEvery)
    const delta = { _tag: "delta", from, to: last.seq, events, ...(due ? this.hashed(state) : undefined) } as const
    this.deliver({ text: this.encode(delta, stamp()), lane })
  }

  /** SYN7: the hash of the topic's state, made from the one before; nothing for a state that cannot be hashed. */
  hashed(state: unknown): { readonly hash: StateHash.StateHash } | undefined {
    const { last } = this
    this.last = state
    return Result.getOrElse(Result.try(() => ({ hash: StateHash.of(state, last) })), () => undefined)
  }

  /** Begins anew with the newest entries of a log that was loaded. */
  reset(tail: ReadonlyArray<Entry>): void {
    this.ring = tail.slice(-this.keep).map(viewOf)
  }

  /** The events after `seq` up to the newest, when they are all still here. */
  since(seq: number, newest: number): ReadonlyArray<Protocol.EventView> | undefined {
    if (seq === newest) return []
    const first = this.ring[0]
    return first !== undefined && first.seq <= seq + 1 ? this.ring.slice(seq + 1 - first.seq) : undefined
  }

  /** Ends the subscriptions of those who may no longer read, and tells them so. */
  cut(mayRead: (subscriber: Subscriber) => boolean, stamp: () => Stamp): void {
    for (const subscriber of this.byId.values()) {
      if (mayRead(subscriber)) continue
      this.remove(subscriber.id)
      Result.try(() =>
        subscriber.deliver({
          text: this.encode({ _tag: "unsubscribed", ref_id: null }, stamp()),
          lane: Frame.reply
        })
      )
      Result.try(() => subscriber.putOut?.(this.topic))
    }
  }

  private encode(message: Protocol.ServerMessage, { id, now }: Stamp): string {
    return Protocol.encode(message, { id, timestamp: now, thread_id: this.topic })
  }
}
