/**
 * What all parts of the gateway stand on: stepping a connection's machine, and
 * saying things to its client in order.
 */
import { type Clock, Effect } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import * as Connection from "../../domain/connection/Connection.ts"
import type { Instant, TopicId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { encode, type ServerMessage } from "../../domain/Protocol.ts"
import { type Frame, reply } from "../../services/Frame.ts"
import type { Topics } from "../../services/Topics.ts"
import type { Metrics } from "../observability/Metrics.ts"
import type { Wheel } from "../socket/Wheel.ts"
import * as Answers from "./Answers.ts"
import { type Link, state } from "./Link.ts"
import * as Replies from "./Replies.ts"

/** An intent by its tag. */
export type Of<T extends Connection.Intent["_tag"]> = Extract<Connection.Intent, { readonly _tag: T }>

/** Where the answers to the message at hand go; undefined when nobody asked. */
export type Slot = Replies.Slot | undefined

export type Perform = (link: Link, intent: Connection.Intent, slot: Slot) => void

export interface Options {
  readonly limits: Limits
  readonly clock: Clock.Clock
  readonly metrics: Metrics
  /** Names messages. */
  readonly nextId: () => string
  readonly wheel: Wheel
  readonly run: (effect: Effect.Effect<void, never, Topics>) => unknown
  /** Carries out an intent. */
  readonly perform: Perform
  /** The connection stands for nobody any more. */
  readonly release: (link: Link) => void
}

export type Floor = ReturnType<typeof make>

export const make = ({ clock, limits, metrics, nextId, perform, release, run, wheel }: Options) => {
  const now = () => clock.currentTimeMillisUnsafe()
  /** For measuring: no jump of the clock shows in it. */
  const seconds = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e9

  const frame = (message: ServerMessage, topic?: TopicId, lane: Frame["lane"] = reply): Frame => ({
    text: encode(message, { id: nextId(), timestamp: now(), thread_id: topic }),
    lane
  })

  const say = (link: Link, slot: Slot, message: ServerMessage, topic?: TopicId) => {
    if (message._tag === "error") metrics.errors[message.code].value += 1
    if (slot === undefined) link.deliver(frame(message, topic))
    else Replies.say(link, slot, frame(message, topic), link)
  }

  const done = (link: Link, slot: Slot) => {
    if (slot !== undefined) Replies.done(link, slot, link)
  }

  const dispatch = (link: Link, message: Connection.Message, slot?: Slot) => {
    if (link.stepping) return void link.inbox.push({ message, slot })
    link.stepping = true
    try {
      step(link, message, slot)
      for (let next = link.inbox.shift(); next !== undefined; next = link.inbox.shift()) {
        step(link, next.message, next.slot)
      }
    } finally {
      link.stepping = false
    }
  }

  const step = (link: Link, message: Connection.Message, slot: Slot) => {
    const before = state(link)
    const [after, intents] = Connection.step(before, message, limits)
    link.state.ref.current = after
    if (before.status !== after.status) wake(link)
    for (const intent of intents) perform(link, intent, slot)
    if (after.user === null) release(link)
  }

  /** Has the wheel look when the state wants it, unless it will look before. */
  const wake = (link: Link) => {
    const due = Connection.nextWake(state(link), limits)
    if (due === undefined || due >= link.wakeAt) return
    link.wakeAt = due
    wheel.set(link, due)
  }

  /** The wheel looks. */
  const woken = (link: Link, at: Instant) => {
    link.wakeAt = Number.POSITIVE_INFINITY
    dispatch(link, { _tag: "Ticked", at })
    wake(link)
  }

  /** Runs what message `ref` waits for; its slot stays open until that is over, and a defect is answered too. */
  const start = (link: Link, slot: Slot, ref: string, effect: Effect.Effect<void, never, Topics>) => {
    if (slot !== undefined) slot.waiting += 1
    run(effect.pipe(
      Effect.tapDefect((defect) => Effect.logError("a request met a defect", defect)),
      Effect.catchDefect(() => refused(link, slot, ref, null, Answers.internal)),
      Effect.ensuring(Effect.sync(() => done(link, slot)))
    ))
  }

  const settled = (
    link: Link,
    topic: TopicId | null,
    refused: Pick<Answers.Refused, "code" | "message"> | undefined
  ) => dispatch(link, { _tag: "Settled", topic, code: refused?.code ?? null, message: refused?.message ?? "" })

  const refused = (
    link: Link,
    slot: Slot,
    ref: string,
    topic: TopicId | null,
    fault: Answers.Refused
  ) =>
    Effect.sync(() => {
      say(link, slot, Answers.error(ref, fault), topic ?? undefined)
      settled(link, topic, fault)
    })

  return { limits, metrics, now, seconds, wheel, run, frame, say, done, dispatch, wake, woken, start, settled, refused }
}

/** What the machine is told when the server wants a connection gone. */
export const ended = (code: number, reason: string, resume: boolean): Connection.Message => ({
  _tag: "Ended",
  code,
  reason,
  resume,
  retry_after_ms: 0
})

/** CON8: more waits for this client than may. It finds the rest when it comes back. */
export const tooSlow = ended(closeCode.slowConsumer, "too slow: come back and catch up", true)
