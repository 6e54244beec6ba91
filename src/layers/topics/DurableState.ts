/**
 * A topic as its log has it, and what a batch of submissions would make of it.
 * Everything here is synchronous and changes nothing; `Host` commits.
 */
import { Result } from "effect"
import { type CommandId, type Instant, isUser, type TopicId } from "../../domain/protocol/Ids.ts"
import { makeRejection, type Rejection } from "../../domain/protocol/Rejection.ts"
import * as StateHash from "../../domain/protocol/StateHash.ts"
import type { UnchainedEntry } from "../../domain/topic/Log.ts"
import {
  type AnyKind,
  type CommandContext,
  type Decision,
  fold,
  type Intent,
  type Listing
} from "../../domain/topic/Topic.ts"
import type { AppendRequest, ProcessedCommand } from "../../services/EventLog.ts"
import type { CommandRequest, Receipt } from "../../services/Topics.ts"

/** What follows from a state: what the world owes, when to wake, how it is listed. */
export interface DerivedState {
  readonly pending: ReadonlyArray<Intent>
  readonly wakeAt: Instant | undefined
  readonly listing: Listing | undefined
}

/** The durable state, and its place in the log. */
export interface DurableState extends DerivedState {
  readonly epoch: string
  readonly seq: number
  readonly state: unknown
}

/** What becomes of a submission once the batch is durable. */
export type CommandDecision =
  | { readonly _tag: "Reply"; readonly outcome: Result.Result<Receipt, Rejection> }
  | Extract<Decision<never>, { readonly _tag: "Forward" }>

/** A whole batch, decided. */
export interface DecidedBatch {
  readonly state: unknown
  readonly drafts: ReadonlyArray<UnchainedEntry>
  /** One for each submission, in order. */
  readonly decisions: ReadonlyArray<CommandDecision>
  /** The commands that this batch carries out. */
  readonly processedCommands: ReadonlyMap<CommandId, ProcessedCommand>
  /** Those of people among them that made no event. What the server asks may be decided anew. */
  readonly eventlessCommands: NonNullable<AppendRequest["eventlessCommands"]>
  /** Defects of the kind, for the log. */
  readonly defects: ReadonlyArray<unknown>
}

export const derive = (kind: AnyKind, state: unknown): DerivedState => ({
  pending: kind.pending(state),
  wakeAt: kind.nextWake(state),
  listing: kind.listing(state)
})

/** Whether a change of listing can have changed who may read. Kinds without one are asked every time. */
export const hasSameReaders = (a: Listing | undefined, b: Listing | undefined): boolean =>
  a !== undefined && b !== undefined && a.visibility === b.visibility &&
  (a.members === b.members || a.members.length === b.members.length && a.members.every((m, i) => m === b.members[i]))

export const isSameListing = (a: Listing | undefined, b: Listing | undefined): boolean =>
  a === b ||
  hasSameReaders(a, b) && a?.title === b?.title && a?.status === b?.status && a?.updatedAt === b?.updatedAt

/** What a client hears of a defect of ours, or of a kind's (FLT25). */
export const internalRejection = makeRejection(
  "internal",
  "FLT25",
  "this command met a defect in the server; nothing was changed"
)

const idUsedByAnother = makeRejection("id_conflict", "SYN4", "this id was used by somebody else's command")
const idReused = makeRejection(
  "id_conflict",
  "SYN4",
  "you have used this id for something else: give this command its own"
)

/** The outcome of a command whose id has been carried out before. */
const duplicateOutcome = (
  topic: TopicId,
  first: ProcessedCommand,
  repeated: Omit<ProcessedCommand, "seq">
): Result.Result<Receipt, Rejection> => {
  if (first.author !== repeated.author) return Result.fail(idUsedByAnother)
  return first.commandHash !== undefined && repeated.commandHash !== undefined &&
      first.commandHash !== repeated.commandHash
    ? Result.fail(idReused)
    : Result.succeed({ topic, seq: first.seq, duplicate: true })
}

const decideReply = (outcome: Result.Result<Receipt, Rejection>): CommandDecision => ({ _tag: "Reply", outcome })

interface DecideInputs {
  readonly now: Instant
  readonly seed: () => number
  /** Commands that were carried out before, as far as is known. */
  readonly findProcessed: (id: CommandId) => ProcessedCommand | undefined
}

/** Decides each submission against what the ones before it made of the state. A defect fails its own submission only. */
export const decideBatch = (
  kind: AnyKind,
  topic: TopicId,
  durable: Pick<DurableState, "seq" | "state">,
  requests: ReadonlyArray<CommandRequest>,
  { findProcessed, now, seed }: DecideInputs
): DecidedBatch => {
  let { seq, state } = durable
  const drafts: Array<UnchainedEntry> = []
  const processedCommands = new Map<CommandId, ProcessedCommand>()
  const eventlessCommands: Array<NonNullable<AppendRequest["eventlessCommands"]>[number]> = []
  const defects: Array<unknown> = []

  const decideOne = ({ author, id, input, signed }: CommandRequest): CommandDecision => {
    const duplicateOf = processedCommands.get(id) ?? findProcessed(id)
    try {
      // What the server itself sends again may have come about differently; people send again what they sent.
      const origin: Omit<ProcessedCommand, "seq"> = isUser(author)
        ? { author, commandHash: StateHash.hashState(input) }
        : { author }
      if (duplicateOf !== undefined) return decideReply(duplicateOutcome(topic, duplicateOf, origin))
      const context: CommandContext = { id, author, now, seed: seed(), signed: signed !== undefined }
      const decision = kind.decide(state, input, context)
      if (decision._tag === "Failure") return decideReply(Result.fail(decision.failure))
      if (decision.success._tag === "Forward") return decision.success
      const { events } = decision.success
      state = fold(kind, state, events)
      for (const [index, event] of events.entries()) {
        // Events are plain JSON values by the kind's contract.
        const json = event as UnchainedEntry["event"]
        const signature = index === 0 && signed !== undefined ? { signed } : undefined
        const asked = index === events.length - 1 && origin.commandHash !== undefined
          ? { asked: origin.commandHash }
          : undefined
        const fields = { at: now, cause: id, author, version: kind.version, event: json }
        drafts.push({ topic, seq: ++seq, ...fields, ...signature, ...asked })
      }
      processedCommands.set(id, { seq, ...origin })
      if (events.length === 0 && isUser(author)) eventlessCommands.push({ id, seq, ...origin })
      return decideReply(Result.succeed({ topic, seq, duplicate: false }))
    } catch (defect) {
      defects.push(defect)
      return decideReply(Result.fail(internalRejection))
    }
  }
  const decisions = requests.map(decideOne)
  return { state, drafts, decisions, processedCommands, eventlessCommands, defects }
}
