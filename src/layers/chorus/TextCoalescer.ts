/** Emits a text that is being written in few pieces: the first at once, then at most one per 40 ms (CHO5). */
import { Duration, Effect, Queue, type Scope } from "effect"

/** The least time between two pieces. */
const coalesceInterval = Duration.millis(40)

/** `notifyGrowth` after the text has become longer; `flush` emits what is left of it. */
export interface TextCoalescer {
  readonly notifyGrowth: Effect.Effect<void>
  readonly flush: Effect.Effect<void>
}

/**
 * `readText` returns the text so far. Each piece given to `onText` belongs at an offset of the text: its end, or 0 where the
 * text has become another one.
 */
export const make = Effect.fnUntraced(function*(
  readText: () => string,
  onText: (piece: string, offset?: number) => Effect.Effect<void>
): Effect.fn.Return<TextCoalescer, never, Scope.Scope> {
  let sentText = ""
  // Whether there was something to emit. Uninterruptible, so that `sentText` and the emitted pieces agree.
  const flush = Effect.uninterruptible(Effect.suspend(() => {
    const text = readText()
    const offset = text.startsWith(sentText) ? sentText.length : 0
    const piece = text.slice(offset)
    if (piece === "") return Effect.succeed(false)
    sentText = text
    return Effect.as(onText(piece, offset), true)
  }))
  // At most one pending request: it covers those that were dropped.
  const flushRequests = yield* Queue.sliding<void>(1)
  const flushLoop = Effect.gen(function*() {
    for (;;) {
      yield* Queue.take(flushRequests)
      if (yield* flush) yield* Effect.sleep(coalesceInterval)
    }
  })
  yield* Effect.forkScoped(flushLoop)
  return { notifyGrowth: Effect.asVoid(Queue.offer(flushRequests, undefined)), flush: Effect.asVoid(flush) }
})
