/** Hands on a growing text in few pieces: the first at once, then one in every 40 ms (CHO5). */
import { Duration, Effect, Queue, type Scope } from "effect"

/** The time between two pieces. */
export const coalesceInterval = Duration.millis(40)

/** `grew` says that the text has become longer; `finish` hands on what is left of it. */
export interface TextCoalescer {
  readonly notifyGrowth: Effect.Effect<void>
  readonly flush: Effect.Effect<void>
}

/** `read` gives the text so far, which only ever grows at its end; the pieces handed to `onText` add up to it. */
export const make = Effect.fnUntraced(function*(
  readText: () => string,
  onText: (piece: string) => Effect.Effect<void>
): Effect.fn.Return<TextCoalescer, never, Scope.Scope> {
  let sentLength = 0
  // Whether there was something to hand on. Not interruptible, so that `sent` and what was heard stay the same.
  const flush = Effect.uninterruptible(Effect.suspend(() => {
    const piece = readText().slice(sentLength)
    sentLength += piece.length
    return piece === "" ? Effect.succeed(false) : Effect.as(onText(piece), true)
  }))
  // One wake-up waits at most; a dropped one is answered by the one that waits.
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
