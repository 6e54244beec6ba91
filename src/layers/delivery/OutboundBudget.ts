/**
 * The bytes of the whole process that peers have not read yet (CON8, SEC27): what is copied for one receiver counts for
 * each, what receivers share counts once. Beyond `outboxTotal` the slowest receivers are closed: those that have been
 * reading too slowly for the longest time.
 */
import { Context, Layer } from "effect"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { EncodedJson } from "../../services/OutboundFrame.ts"

/** A peer that has not read everything that was sent to it. */
export interface SlowReceiver {
  /** Ends it, so that what it holds is freed. It may resume from its position. */
  readonly closeAsSlow: () => void
}

/** The bytes that a receiver has not read. */
export interface PendingBytes {
  readonly copiedBytes: number
  readonly shared: ReadonlyArray<EncodedJson>
}

/** The receivers that have unread bytes. Receivers that read in time need not be reported. */
export interface OutboundBudgetService {
  /** Replaces what is known of a receiver. Others may be closed for it. */
  readonly update: (receiver: SlowReceiver, unread: PendingBytes) => void
  /** The receiver has read everything, or is closed. */
  readonly release: (receiver: SlowReceiver) => void
  /** Bytes that are unread. */
  readonly pendingBytes: () => number
}

/** The budget of a process. Without `layer` there is no limit. */
export const OutboundBudget = Context.Reference<OutboundBudgetService>("choir/layers/delivery/OutboundBudget", {
  defaultValue: () => ({ update: () => {}, release: () => {}, pendingBytes: () => 0 })
})

/** A budget of `outboxTotal` bytes. */
export const make = ({ outboxTotal }: Pick<Limits, "outboxTotal">): OutboundBudgetService => {
  /** In the order in which they became slow. */
  const receivers = new Map<SlowReceiver, PendingBytes>()
  const holderCounts = new Map<EncodedJson, number>()
  let total = 0

  const add = ({ copiedBytes, shared }: PendingBytes) => {
    total += copiedBytes
    for (const json of shared) {
      const count = holderCounts.get(json) ?? 0
      holderCounts.set(json, count + 1)
      if (count === 0) total += json.length
    }
  }
  const subtract = ({ copiedBytes, shared }: PendingBytes) => {
    total -= copiedBytes
    for (const json of shared) {
      const count = holderCounts.get(json) ?? 0
      if (count > 1) holderCounts.set(json, count - 1)
      else if (holderCounts.delete(json)) total -= json.length
    }
  }
  const release = (receiver: SlowReceiver) => {
    const unread = receivers.get(receiver)
    if (unread !== undefined && receivers.delete(receiver)) subtract(unread)
  }

  return {
    pendingBytes: () => total,
    release,
    update: (receiver, unread) => {
      if (unread.copiedBytes === 0 && unread.shared.length === 0) return release(receiver)
      const previous = receivers.get(receiver)
      add(unread)
      if (previous !== undefined) subtract(previous)
      receivers.set(receiver, unread)
      if (total <= outboxTotal) return
      for (const slowest of receivers.keys()) {
        // One receiver may have a message that is larger than the budget.
        if (slowest === receiver) continue
        release(slowest)
        slowest.closeAsSlow()
        if (total <= outboxTotal) return
      }
    }
  }
}

/** The budget of one server. */
export const layer = (limits: Pick<Limits, "outboxTotal">): Layer.Layer<never> =>
  Layer.sync(OutboundBudget, () => make(limits))
