/**
 * The timers of all topics, in memory or not: a heap and one sleeping fiber (TOP6). The clock is read again after every
 * sleep, so that a clock jump fires no timer early.
 */
import { type Clock, Effect } from "effect"
import type { Instant, TopicId } from "../../domain/protocol/Ids.ts"

/** Longest sleep at a time, in milliseconds. */
const sleepMax = 3_600_000

/** One timer per topic. */
export interface TimerQueue {
  /** Sets, moves or (with undefined) clears a topic's timer; `at` in milliseconds since the Unix epoch. */
  readonly schedule: (topic: TopicId, at: Instant | undefined) => void
}

interface TimerEntry {
  readonly at: Instant
  readonly topic: TopicId
}

// A binary heap, earliest first. An entry whose timer was moved since is skipped when it is popped.
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

/** No timers. `run` replaces the fiber that it ran before; `onTimer` is called once for each timer that fires. */
export const make = (
  clock: Clock.Clock,
  run: (loop: Effect.Effect<void>) => void,
  onTimer: (topic: TopicId) => void
): TimerQueue => {
  let heap: Array<TimerEntry> = []
  const scheduledTimes = new Map<TopicId, Instant>()
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

  /** A timer that was moved leaves its old entry in the heap: removes such entries before they pile up. */
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
  }
}
