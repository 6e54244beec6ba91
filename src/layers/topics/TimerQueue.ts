/**
 * When which topic wants to be woken: one timer for all of them, whether they
 * are in memory or not (TOP6). The time is looked at again after every sleep,
 * so that a jump of the clock wakes nobody early.
 */
import { type Clock, Effect, FiberHandle } from "effect"
import type { Instant, TopicId } from "../../domain/protocol/Ids.ts"

/** Longest sleep at a time, in milliseconds. */
const sleepMax = 3_600_000

export interface TimerQueue {
  /** Sets, changes or (with undefined) clears a topic's time. */
  readonly schedule: (topic: TopicId, at: Instant | undefined) => void
}

interface TimerEntry {
  readonly at: Instant
  readonly topic: TopicId
}

// A binary heap, earliest first. Entries whose time has been changed since are skipped when they come up.
const pushEntry = (heap: Array<TimerEntry>, entry: TimerEntry): void => {
  let i = heap.push(entry) - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (heap[parent]!.at <= entry.at) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = entry
}

const popEntry = (heap: Array<TimerEntry>): void => {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let i = 0
  for (let child = 1; child < heap.length; child = 2 * i + 1) {
    if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1
    if (last.at <= heap[child]!.at) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
}

/** Calls `wake` once for each time that comes, until the scope closes. */
export const make = Effect.fnUntraced(function*(clock: Clock.Clock, onTimer: (topic: TopicId) => void) {
  let heap: Array<TimerEntry> = []
  const scheduledTimes = new Map<TopicId, Instant>()
  const run = yield* FiberHandle.makeRuntime<never>()
  let sleepingUntil = Infinity

  const loop = Effect.gen(function*() {
    for (let next = heap[0]; next !== undefined; next = heap[0]) {
      const delay = next.at - clock.currentTimeMillisUnsafe()
      const isCurrent = scheduledTimes.get(next.topic) === next.at
      if (isCurrent && delay > 0) {
        sleepingUntil = next.at
        yield* Effect.sleep(Math.min(delay, sleepMax))
        continue
      }
      popEntry(heap)
      if (!isCurrent) continue
      scheduledTimes.delete(next.topic)
      onTimer(next.topic)
    }
    sleepingUntil = Infinity
  })

  /** Times that were changed leave their old entries behind; they may not pile up until those would have come. */
  const compact = (): void => {
    heap = []
    for (const [topic, at] of scheduledTimes) pushEntry(heap, { at, topic })
  }

  return {
    schedule: (topic, at) => {
      if (scheduledTimes.get(topic) === at) return
      if (at === undefined) return void scheduledTimes.delete(topic)
      scheduledTimes.set(topic, at)
      pushEntry(heap, { at, topic })
      if (heap.length > 64 && heap.length > 2 * scheduledTimes.size) compact()
      if (at < sleepingUntil) {
        sleepingUntil = at
        run(loop)
      }
    }
  } satisfies TimerQueue
})
