/**
 * The queue of pending commands: sent in order, each under its own id, and again after a reconnect, until a receipt or
 * an error answers it (SYN4, SYN5, SYN10). Pure.
 *
 * A pending command:
 *
 * ```text
 *  CommandSubmitted ──▶ queued ──────▶ sent ───receipt ahead of the base──▶ accepted
 *                         ▲             │ │                                    │
 *                         └─────────────┘ │ receipt within the base,           │ the base contains its events,
 *              rate_limited,              │ or an error                        │ or the topic is refused
 *              unauthenticated,           ▼                                    ▼
 *              connection lost         removed                              removed
 * ```
 *
 * A command whose caller is interrupted is removed too, unless it may have taken effect.
 *
 * Commands of one budget take effect in the order of submission (CON7): the server rejects a command that exceeds the
 * rate together with all behind it, and the window of 1 lets no other leave until the oldest is answered.
 */
import { Result } from "effect"
import { type Instant, kindOf, type TopicId } from "../domain/protocol/Ids.ts"
import type { PublishedEvent, ServerMessageOf } from "../domain/protocol/Protocol.ts"
import { saltSource } from "../domain/protocol/Seal.ts"
import { codecsFor } from "../domain/topic/KindCodecs.ts"
import { commitTexts, textsIn } from "../domain/topic/SealedText.ts"
import { budgetNameOf } from "../domain/topic/Topic.ts"
import { type ClientErrorReason, errorReason } from "./ClientError.ts"
import type { Config, MessageOf, PendingCommand, SendWindow, State, Transition } from "./ClientModel.ts"
import { andThen, endReason, sendCommand, setReplica, withoutIntents } from "./ClientTransitions.ts"
import * as Replica from "./Replica.ts"
import { sha256 } from "./Sha256.ts"

/** Most unanswered commands of one budget: half of what the server allows in all (`inFlight`). */
const maxWindow = 16
/** Most pending commands of a client; one more fails with `queue_full`. */
export const maxPendingCommands = 1000
/** Milliseconds of pause after a `rate_limited` without `retry_after_ms`. */
const defaultRetryDelay = 1_000

/**
 * Stores a replica with the optimistic effect of the commands that are pending for it.
 *
 * A command that is shown stays shown, once, unless it is rejected (SYN10). While the confirmed state may contain one,
 * or was given up for a snapshot that is to come, the replica keeps its base, and with it every command that is not in
 * it, answered or not. Otherwise the confirmed state becomes the base, and the commands that it contains have no effect
 * of their own any more.
 */
export const rebase = (config: Config, state: State, replica: Replica.Replica): State => {
  const isUncertain = ({ inConfirmed, optimistic, topic }: PendingCommand) =>
    optimistic && inConfirmed === "maybe" && topic === replica.topic
  const keepsBase = replica.position === undefined || state.outbox.some(isUncertain)
  if (replica.base !== undefined && keepsBase) return applyPending(config, state, replica)
  const outbox = state.outbox.flatMap((pending) => {
    if (pending.topic !== replica.topic || pending.inConfirmed === "no") return [pending]
    return pending.stage === "accepted" ? [] : [{ ...pending, optimistic: false }]
  })
  return applyPending(config, { ...state, outbox }, Replica.advanceBase(replica))
}

const applyPending = (config: Config, state: State, replica: Replica.Replica): State => {
  const commands = state.outbox.filter((pending) => pending.optimistic && pending.topic === replica.topic)
  return setReplica(state, Replica.applyOptimistic(replica, config, commands))
}

const rebaseTopic = (config: Config, state: State, topic: PendingCommand["topic"]): State => {
  const replica = state.replicas.get(topic)
  return replica === undefined ? state : rebase(config, state, replica)
}

const initialSendWindow: SendWindow = { notBefore: 0, window: maxWindow }

const sendWindowOf = (state: State, budget: string): SendWindow => state.sendWindows.get(budget) ?? initialSendWindow

/** When pauses end that hold commands back. A full window needs no timer: an answer opens it. */
export const outboxDeadlines = (state: State): ReadonlyArray<Instant> =>
  state.connection._tag !== "Online" || state.sendWindows.size === 0
    ? []
    : selectSendable(state, Number.POSITIVE_INFINITY).map(({ budget }) => sendWindowOf(state, budget).notBefore)

/** The commands that may be sent at a time, in order. */
const selectSendable = (state: State, at: Instant): ReadonlyArray<PendingCommand> => {
  const capacities = new Map<string, number>()
  for (const { budget, stage } of state.outbox) {
    if (stage === "sent") capacities.set(budget, (capacities.get(budget) ?? sendWindowOf(state, budget).window) - 1)
  }
  return state.outbox.filter(({ budget, stage }) => {
    const { notBefore, window } = sendWindowOf(state, budget)
    const capacity = capacities.get(budget) ?? window
    if (stage !== "queued" || at < notBefore || capacity <= 0) return false
    capacities.set(budget, capacity - 1)
    return true
  })
}

const queueFull = errorReason(
  "queue_full",
  `${maxPendingCommands} commands are waiting for the server. Try again when it has answered some.`,
  true
)

/** Adds a command, unless its id is pending already; fails it when the queue is full, or the client has given up. */
export const enqueue = (config: Config, state: State, message: MessageOf<"CommandSubmitted">): Transition => {
  const { at, command, id, salt, seed, topic } = message
  if (state.outbox.some((pending) => pending.id === id)) return withoutIntents(state)
  const failure = endReason(state) ?? (state.outbox.length >= maxPendingCommands ? queueFull : undefined)
  if (failure !== undefined) return [state, [{ _tag: "CompleteCommand", id, outcome: Result.fail(failure) }]]
  const input = readInput(config, topic, { id, command, salt })
  const pending: PendingCommand = {
    id,
    topic,
    command,
    input,
    salt: textsIn(input).length === 0 ? undefined : salt,
    budget: budgetNameOf(config.kinds, topic),
    at,
    seed,
    stage: "queued",
    optimistic: true,
    undecidedAttempts: 0,
    inConfirmed: "no",
    seq: 0
  }
  return withoutIntents(rebaseTopic(config, { ...state, outbox: [...state.outbox, pending] }, topic))
}

/** A command as its kind decides it, on this client as on the server: the seals of its texts are the same (TOP10). */
const readInput = (
  { kinds }: Config,
  topic: TopicId,
  { command, id, salt }: Pick<MessageOf<"CommandSubmitted">, "command" | "id" | "salt">
): unknown => {
  const kind = kinds.get(kindOf(topic))
  const decoded = kind === undefined ? undefined : codecsFor(kind).decodeInput(command)
  return decoded?._tag === "Success" ? commitTexts(decoded.success, () => saltSource(salt, id), sha256) : undefined
}

/** Removes a command whose caller was interrupted, unless it may have taken effect already. */
export const withdraw = (config: Config, state: State, id: string): State => {
  const pending = state.outbox.find((pending) => pending.id === id && pending.undecidedAttempts === 0)
  return pending === undefined
    ? state
    : rebaseTopic(config, { ...state, outbox: state.outbox.filter((other) => other !== pending) }, pending.topic)
}

/** Sends the commands that may be sent now. */
export const flushCommands = (state: State, at: Instant): Transition => {
  const sendable = state.outbox.length === 0 ? [] : selectSendable(state, at)
  if (sendable.length === 0) return withoutIntents(state)
  const ids = new Set(sendable.map((pending) => pending.id))
  const outbox = state.outbox.map((pending) =>
    ids.has(pending.id)
      ? { ...pending, stage: "sent" as const, undecidedAttempts: pending.undecidedAttempts + 1 }
      : pending
  )
  return sendable.reduce<Transition>(
    (transition, pending) => andThen(transition, (next) => sendCommand(next, at, pending)),
    withoutIntents({ ...state, outbox })
  )
}

/**
 * Notes which pending commands an updated replica contains. Events name the commands that caused them; a snapshot does
 * not. It may contain any command that was sent: on an earlier connection, or on this one before the server made it,
 * since a command waits for no subscription.
 */
export const reconcilePending = (
  outbox: ReadonlyArray<PendingCommand>,
  replica: Replica.Replica,
  mode: "snapshot" | "deltas",
  events: ReadonlyArray<PublishedEvent>
): ReadonlyArray<PendingCommand> => {
  const includedIds = new Set<string>(events.map((event) => event.cause))
  const seq = replica.position?.seq ?? 0
  const isAccepted = ({ stage }: PendingCommand): boolean => stage === "accepted"
  return outbox.map((pending) => {
    if (pending.topic !== replica.topic || pending.inConfirmed === "yes") return pending
    if (includedIds.has(pending.id) || isAccepted(pending) && pending.seq <= seq) {
      return { ...pending, inConfirmed: "yes" }
    }
    return mode === "snapshot" && pending.undecidedAttempts > 0 && !isAccepted(pending)
      ? { ...pending, inConfirmed: "maybe" }
      : pending
  })
}

/** The outbox without a topic's accepted commands: they only wait for its events, which will not arrive. */
export const dropAccepted = (outbox: State["outbox"], topic: PendingCommand["topic"]): State["outbox"] =>
  outbox.filter((pending) => pending.topic !== topic || pending.stage !== "accepted")

/** Marks a replica as refused, and drops its accepted commands (THR10). */
export const refuseTopic = (
  config: Config,
  state: State,
  replica: Replica.Replica,
  reason: ClientErrorReason
): State => {
  const next = { ...state, outbox: dropAccepted(state.outbox, replica.topic) }
  return rebase(config, next, { ...replica, sync: { _tag: "Refused", reason } })
}

/** Completes a command. It stays as `accepted` while its effect is shown and its events are not. */
export const handleReceipt = (config: Config, state: State, message: ServerMessageOf<"receipt">): Transition => {
  const { _tag, ref_id, ...receipt } = message
  const pending = state.outbox.find((pending) => pending.id === ref_id && pending.stage !== "accepted")
  if (pending === undefined) return withoutIntents(state)
  const replica = state.replicas.get(pending.topic)
  const isShown = pending.optimistic && receipt.topic === pending.topic && replica?.base !== undefined &&
    replica.sync._tag !== "Refused"
  const isInConfirmed = receipt.seq <= (replica?.position?.seq ?? 0)
  const accepted: PendingCommand = {
    ...pending,
    stage: "accepted",
    seq: receipt.seq,
    inConfirmed: isInConfirmed ? "yes" : "no"
  }
  const outbox = isShown
    ? state.outbox.map((other) => other === pending ? accepted : other)
    : state.outbox.filter((other) => other !== pending)
  return [
    rebaseTopic(config, { ...state, outbox, sendWindows: growWindow(state, pending.budget) }, pending.topic),
    [{ _tag: "CompleteCommand", id: pending.id, outcome: Result.succeed(receipt) }]
  ]
}

/** Fails a command, or queues it again after `rate_limited` and `unauthenticated`, which are not about the command. */
export const handleCommandError = (
  config: Config,
  state: State,
  at: Instant,
  { code, message, ref_id, retry_after_ms, retryable }: ServerMessageOf<"error">
): Transition => {
  const pending = state.outbox.find((pending) => pending.id === ref_id && pending.stage !== "accepted")
  if (pending === undefined) return withoutIntents(state)
  if (code === "rate_limited" || code === "unauthenticated") {
    const outbox = state.outbox.map((other) => other === pending ? requeue(pending) : other)
    const sendWindows = code === "unauthenticated"
      ? state.sendWindows
      : shrinkWindow(state, pending.budget, at + (retry_after_ms ?? defaultRetryDelay))
    return withoutIntents(rebaseTopic(config, { ...state, outbox, sendWindows }, pending.topic))
  }
  const outbox = state.outbox.filter((other) => other !== pending)
  return [
    rebaseTopic(config, { ...state, outbox }, pending.topic),
    [{ _tag: "CompleteCommand", id: pending.id, outcome: Result.fail(errorReason(code, message, retryable)) }]
  ]
}

/** Queues a command again whose last attempt, if any on this connection, was not decided. */
const requeue = (pending: PendingCommand): PendingCommand => {
  const undecidedAttempts = pending.stage === "sent" ? pending.undecidedAttempts - 1 : pending.undecidedAttempts
  const requeued = { ...pending, stage: "queued", undecidedAttempts } as const
  return undecidedAttempts === 0 && pending.inConfirmed === "maybe"
    ? { ...requeued, inConfirmed: "no", optimistic: true }
    : requeued
}

const shrinkWindow = ({ sendWindows }: State, budget: string, notBefore: Instant): State["sendWindows"] =>
  new Map(sendWindows).set(budget, { notBefore, window: 1 })

const growWindow = ({ sendWindows }: State, budget: string): State["sendWindows"] => {
  const sendWindow = sendWindows.get(budget)
  if (sendWindow === undefined) return sendWindows
  const windows = new Map(sendWindows)
  if (sendWindow.window + 1 < maxWindow) windows.set(budget, { ...sendWindow, window: sendWindow.window + 1 })
  else windows.delete(budget)
  return windows
}
