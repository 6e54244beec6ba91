/**
 * Commands on their way: kept in order, each sent under its own id, and again
 * after a reconnect, until a receipt or an error answers it (SYN4, SYN5, SYN10).
 *
 * Those that draw on one budget are carried out in the order they were given: what came too fast is refused together
 * with all that is on its way behind it, and nothing new leaves before all of that is answered (CON7).
 */
import { Result } from "effect"
import type { Instant } from "../domain/Ids.ts"
import type { EventView, ServerMessageOf } from "../domain/Protocol.ts"
import { budgetOf } from "../domain/Topic.ts"
import { type Fault, fault } from "./Fault.ts"
import type { Config, MessageOf, Pace, Pending, State, Transition } from "./Model.ts"
import * as Replica from "./Replica.ts"
import { chain, keep, say, stay } from "./Transition.ts"

/** Commands sent and not answered, of one budget; half of what the server allows in all. */
const windowMax = 16
/** Commands that wait here; one more is refused at once. */
export const maxPending = 1000
/** The pause after a `rate_limited` that names none. */
const defaultPause = 1_000

/** Shows of a topic what its waiting commands are expected to do. */
export const rebase = (config: Config, state: State, replica: Replica.Replica): Replica.Replica =>
  Replica.expect(
    replica,
    config,
    state.outbox.filter((pending) => pending.shown && pending.topic === replica.topic)
  )

const rebaseTopic = (config: Config, state: State, topic: Pending["topic"]): State => {
  const replica = state.replicas.get(topic)
  return replica === undefined
    ? state
    : { ...state, replicas: new Map(state.replicas).set(topic, rebase(config, state, replica)) }
}

const unhurried: Pace = { notBefore: 0, window: windowMax }

const paceOf = (state: State, budget: string): Pace => state.paces.get(budget) ?? unhurried

/** Pauses that are over by themselves; a full window ends with an answer. */
export const wakes = (state: State): ReadonlyArray<Instant> =>
  state.link._tag !== "Online" || state.paces.size === 0
    ? []
    : leaving(state, Number.POSITIVE_INFINITY).map(({ budget }) => paceOf(state, budget).notBefore)

/** The commands that can leave at a time, in order. */
const leaving = (state: State, at: Instant): ReadonlyArray<Pending> => {
  const room = new Map<string, number>()
  for (const { budget, stage } of state.outbox) {
    if (stage === "sent") room.set(budget, (room.get(budget) ?? paceOf(state, budget).window) - 1)
  }
  return state.outbox.filter(({ budget, stage }) => {
    const { notBefore, window } = paceOf(state, budget)
    const left = room.get(budget) ?? window
    if (stage !== "waiting" || at < notBefore || left <= 0) return false
    room.set(budget, left - 1)
    return true
  })
}

export const commanded = (config: Config, state: State, message: MessageOf<"Commanded">): Transition => {
  const { at, command, id, seed, topic } = message
  if (state.outbox.some((pending) => pending.id === id)) return stay(state)
  if (state.outbox.length >= maxPending) {
    const outcome = Result.fail(fault("queue_full", `More than ${maxPending} commands wait to be sent.`, true))
    return [state, [{ _tag: "Settle", id, outcome }]]
  }
  const pending: Pending = {
    id,
    topic,
    command,
    budget: budgetOf(config.kinds, topic),
    at,
    seed,
    stage: "waiting",
    shown: true,
    tried: false,
    seq: 0
  }
  return stay(rebaseTopic(config, { ...state, outbox: [...state.outbox, pending] }, topic))
}

export const flush = (state: State, at: Instant): Transition => {
  const now = state.outbox.length === 0 ? [] : leaving(state, at)
  if (now.length === 0) return stay(state)
  const ids = new Set(now.map((pending) => pending.id))
  const outbox = state.outbox.map((pending) =>
    ids.has(pending.id) ? { ...pending, stage: "sent" as const, tried: true } : pending
  )
  return now.reduce<Transition>(
    (before, { command: { _tag, ...payload }, id, topic }) =>
      chain(before, (next) => say(next, at, _tag, payload, topic, id)),
    stay({ ...state, outbox })
  )
}

/** What a copy's new position says about waiting commands. */
export const observed = (
  outbox: ReadonlyArray<Pending>,
  replica: Replica.Replica,
  mode: "snapshot" | "deltas",
  events: ReadonlyArray<EventView>
): ReadonlyArray<Pending> => {
  const causes = new Set<string>(events.map((event) => event.cause))
  const seq = replica.position?.seq ?? 0
  // A snapshot may hold what was sent before; showing that twice would be worse than showing it late.
  const contained = (pending: Pending): boolean =>
    causes.has(pending.id) || (mode === "snapshot" && pending.tried && pending.stage !== "done")
  return outbox.flatMap((pending) => {
    if (pending.topic !== replica.topic) return [pending]
    if (pending.stage === "done" && pending.seq <= seq) return []
    return [pending.shown && contained(pending) ? { ...pending, shown: false } : pending]
  })
}

/** The server shows this topic no more: the events of what was acknowledged will not come. */
export const hidden = (config: Config, state: State, replica: Replica.Replica, why: Fault): State => {
  const outbox = state.outbox.filter((pending) => pending.topic !== replica.topic || pending.stage !== "done")
  return rebaseTopic(
    config,
    keep({ ...state, outbox }, { ...replica, sync: { _tag: "Refused", fault: why } }),
    replica.topic
  )
}

export const receipted = (config: Config, state: State, message: ServerMessageOf<"receipt">): Transition => {
  const { _tag, ref_id, ...receipt } = message
  const pending = state.outbox.find((pending) => pending.id === ref_id && pending.stage !== "done")
  if (pending === undefined) return stay(state)
  const replica = state.replicas.get(pending.topic)
  // Its events are still on their way: what is expected of it is shown until they are here.
  const early = pending.shown && replica?.sync._tag !== "Refused" && replica?.position !== undefined &&
    receipt.topic === pending.topic &&
    replica.position.seq < receipt.seq
  const done: Pending = { ...pending, stage: "done", seq: receipt.seq }
  const outbox = early
    ? state.outbox.map((other) => other === pending ? done : other)
    : state.outbox.filter((other) => other !== pending)
  return [
    rebaseTopic(config, { ...state, outbox, paces: faster(state, pending.budget) }, pending.topic),
    [{ _tag: "Settle", id: pending.id, outcome: Result.succeed(receipt) }]
  ]
}

export const failed = (
  config: Config,
  state: State,
  at: Instant,
  { code, message, ref_id, retry_after_ms, retryable }: ServerMessageOf<"error">
): Transition => {
  const pending = state.outbox.find((pending) => pending.id === ref_id && pending.stage !== "done")
  if (pending === undefined) return stay(state)
  // Too fast, or signed out: the command is as good as before and leaves again later.
  if (code === "rate_limited" || code === "unauthenticated") {
    const outbox = state.outbox.map((other) => other === pending ? { ...pending, stage: "waiting" as const } : other)
    return stay(
      code === "unauthenticated"
        ? { ...state, outbox }
        : { ...state, outbox, paces: slower(state, pending.budget, at + (retry_after_ms ?? defaultPause)) }
    )
  }
  const outbox = state.outbox.filter((other) => other !== pending)
  return [
    rebaseTopic(config, { ...state, outbox }, pending.topic),
    [{ _tag: "Settle", id: pending.id, outcome: Result.fail(fault(code, message, retryable)) }]
  ]
}

const slower = ({ paces }: State, budget: string, notBefore: Instant): State["paces"] =>
  new Map(paces).set(budget, { notBefore, window: 1 })

const faster = ({ paces }: State, budget: string): State["paces"] => {
  const pace = paces.get(budget)
  if (pace === undefined) return paces
  const next = new Map(paces)
  if (pace.window + 1 < windowMax) next.set(budget, { ...pace, window: pace.window + 1 })
  else next.delete(budget)
  return next
}
