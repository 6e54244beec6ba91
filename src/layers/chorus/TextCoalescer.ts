/** Emits a growing text in few pieces: the first at once, then at most one per 40 ms (CHO5). */
import { Duration, Effect, Queue, type Scope } from "effect"

/** The least time between two pieces. */
const coalesceInterval = Duration.millis(40)

/** `notifyGrowth` after the text has become longer; `flush` emits what is left of it. */
export interface TextCoalescer {
  readonly notifyGrowth: Effect.Effect<void>
  readonly flush: Effect.Effect<void>
}

/** `readText` returns the text so far, which may only grow at its end. The concatenated pieces given to `onText` are that text. */
export const make = Effect.fnUntraced(function*(
  readText: () => string,
  onText: (piece: string) => Effect.Effect<void>
): Effect.fn.Return<TextCoalescer, never, Scope.Scope> {
  let sentLength = 0
  // Whether there was something to emit. Uninterruptible, so that `sentLength` and the emitted pieces agree.
  const flush = Effect.uninterruptible(Effect.suspend(() => {
    const piece = readText().slice(sentLength)
    sentLength += piece.length
    return piece === "" ? Effect.succeed(false) : Effect.as(onText(piece), true)
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
