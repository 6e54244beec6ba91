/**
 * Decides a batch of commands that will be appended together: each against the state that the commands before it lead to.
 *
 * Pure: nothing has happened when `decideBatch` returns. Replies and publications follow the append (TOP4).
 */
import { Result } from "effect"
import { type Answered, type Author, type CommandId, type Instant, isUser, type TopicId } from "../protocol/Ids.ts"
import { type Principal, principalOf } from "../protocol/Principal.ts"
import { isRejection, makeRejection, type Rejection } from "../protocol/Rejection.ts"
import type { SignedCommand } from "../protocol/SignedCommand.ts"
import {
  type CommandOrigin,
  type EventlessCommand,
  originOf,
  type ProcessedCommand,
  type Receipt,
  replyToDuplicate
} from "./Deduplication.ts"
import type { TextAddress } from "./Derivation.ts"
import { derive, type DerivedState, type DurableState } from "./DurableState.ts"
import { erasePast } from "./Erasure.ts"
import { codecsFor } from "./KindCodecs.ts"
import type { UnchainedEntry } from "./Log.ts"
import { storeTexts } from "./SealedText.ts"
import { type AnyKind, type CommandContext, type Decision, foldDecision } from "./Topic.ts"
import { isVisibleTo, noAccessRejection } from "./TopicAccess.ts"

/** A command, or an answer to an intent, as its topic gets it. */
export interface TopicInput {
  readonly id: CommandId
  readonly author: Author
  /** Who acts, if it is not a person with their own key, or the server. */
  readonly principal?: Principal
  /** A decoded value of the kind's `Command` or `Answer`, its texts committed to. */
  readonly input: unknown
  /** False if a repeat has other commitments to the same texts, since the sender gave no salt (SYN4, TOP10). Default: true. */
  readonly isRepeatable?: boolean
  /** The event or intent that is answered, and the causal depth that follows (THR14); 0 without. */
  readonly answers?: Answered
  readonly depth?: number
  /** The author's signature, verified by the sender of this input (AUT5). */
  readonly signed?: SignedCommand
}

/** The reply to one command of a batch, due once the batch is durable. */
export type CommandDecision =
  | { readonly _tag: "Reply"; readonly outcome: Result.Result<Receipt, Rejection> }
  | Extract<Decision<never>, { readonly _tag: "Forward" }>

/** A batch, decided and not yet durable. */
export interface DecidedBatch {
  /** The state once `drafts` are durable. */
  readonly after: DurableState
  readonly drafts: ReadonlyArray<UnchainedEntry>
  /** One per command, in order. */
  readonly decisions: ReadonlyArray<CommandDecision>
  /** The commands that this batch applies. */
  readonly processedCommands: ReadonlyMap<CommandId, ProcessedCommand>
  /** Those of users among them that made no event. The server's own may be decided again. */
  readonly eventlessCommands: ReadonlyArray<EventlessCommand>
  /** The texts of other topics that the drafts were made from (TOP10). */
  readonly sources: ReadonlyArray<TextAddress>
  /** The exceptions that the kind threw, and its events and changes that may not be stored, for the server's own log. */
  readonly defects: ReadonlyArray<unknown>
}

/** The inputs of a decision besides the state. */
export interface DecideInputs {
  readonly now: Instant
  /** 32 random bits, drawn per command. */
  readonly seed: () => number
  /** The events that the batch's commands depend on, by seq (TOP11). */
  readonly past: CommandContext["past"]
  /** Commands that were applied in earlier batches. */
  readonly findProcessed: (id: CommandId) => ProcessedCommand | undefined
}

/** The reply to a command that met a defect of the server or of a kind (FLT25). */
export const internalRejection = makeRejection(
  "internal",
  "FLT25",
  "this command met a defect in the server; nothing was changed"
)

/** A reply as a decision. */
export const replyWith = (outcome: Result.Result<Receipt, Rejection>): CommandDecision => ({ _tag: "Reply", outcome })

/** The same rejection for each command: nothing of the batch became durable. */
export const rejectBatch = (commands: ReadonlyArray<unknown>, rejection: Rejection): ReadonlyArray<CommandDecision> =>
  commands.map(() => replyWith(Result.fail(rejection)))

/**
 * Decides a batch (TOP1, SYN4, SYN5).
 *
 * FLT25: a command whose decision, events or resulting state the kind cannot compute is rejected as `internal` and leaves
 * the state as it was, and so does one with an event that its schema refuses (TOP8); the others are decided without it.
 * THR8: so does a user's command with a change that the kind finds faults with, which is rejected with these. One of the
 * server is `internal` then, and tried again: no request of a topic to another is lost by a defect.
 * Whether the resulting state can be read is checked once per batch, and per command only when that fails.
 */
export const decideBatch = (
  kind: AnyKind,
  topic: TopicId,
  durable: DurableState,
  commands: ReadonlyArray<TopicInput>,
  inputs: DecideInputs
): DecidedBatch => {
  try {
    return decideAll(kind, topic, durable, commands, inputs, "batch")
  } catch {
    return decideAll(kind, topic, durable, commands, inputs, "command")
  }
}

/** Throws what deriving throws when it is done once per batch. */
const decideAll = (
  kind: AnyKind,
  topic: TopicId,
  durable: DurableState,
  commands: ReadonlyArray<TopicInput>,
  { findProcessed, now, past: pastBefore, seed }: DecideInputs,
  derivePer: "batch" | "command"
): DecidedBatch => {
  let { state } = durable
  let past = pastBefore
  let derived: DerivedState = durable
  const drafts: Array<UnchainedEntry> = []
  const processedCommands = new Map<CommandId, ProcessedCommand>()
  const eventlessCommands: Array<EventlessCommand> = []
  const defects: Array<unknown> = []
  const { findEventFault } = codecsFor(kind)

  const decideOne = (command: TopicInput): CommandDecision => {
    const { answers, author, depth = 0, id, input, isRepeatable = true, principal = principalOf(author), signed } =
      command
    try {
      const origin = originOf(author, input, isRepeatable)
      const first = processedCommands.get(id) ?? findProcessed(id)
      if (first !== undefined) {
        const isDisclosed = first.author === author || isVisibleTo(kind, state, author)
        return replyWith(isDisclosed ? replyToDuplicate(topic, first, origin) : Result.fail(noAccessRejection))
      }
      const decision = kind.decide(state, input, {
        id,
        author,
        principal,
        now,
        past,
        seed: seed(),
        signed: signed !== undefined
      })
      if (decision._tag === "Failure") {
        if (!isRejection(decision.failure)) {
          throw new TypeError(`the kind ${kind.name} rejects without a valid rejection`)
        }
        return replyWith(Result.fail(decision.failure))
      }
      if (decision.success._tag === "Forward") return decision.success
      const events = storeTexts(decision.success.events, durable.seq + drafts.length + 1)
      for (const event of events) {
        const fault = findEventFault(event)
        if (fault !== undefined) throw fault
      }
      if (events.length > 0) {
        const next = foldDecision(kind, state, events)
        if (Result.isFailure(next)) {
          defects.push(next.failure)
          return replyWith(Result.fail(isUser(author) ? next.failure : { ...next.failure, code: "internal" }))
        }
        if (derivePer === "command") derived = derive(kind, next.success)
        state = next.success
        past = erasePast(past, events)
        const fields = { topic, at: now, cause: id, principal, depth, version: kind.version }
        pushDrafts(drafts, durable.seq, answers === undefined ? fields : { ...fields, answers }, events, {
          signed,
          command_hash: origin.commandHash
        })
      }
      const seq = durable.seq + drafts.length
      processedCommands.set(id, { seq, ...origin })
      if (events.length === 0 && origin.commandHash !== undefined) eventlessCommands.push({ id, seq, ...origin })
      return replyWith(Result.succeed({ topic, seq, duplicate: false }))
    } catch (defect) {
      defects.push(defect)
      return replyWith(Result.fail(internalRejection))
    }
  }

  const decisions = commands.map(decideOne)
  if (derivePer === "batch" && drafts.length > 0) derived = derive(kind, state)
  const { listing, pending, wakeAt } = derived
  const after = { epoch: durable.epoch, seq: durable.seq + drafts.length, state, pending, wakeAt, listing }
  const sources = drafts.flatMap(({ event }) => kind.sourcesOf(event))
  return { after, drafts, decisions, processedCommands, eventlessCommands, sources, defects }
}

/** TOP3, TOP5: numbers a command's events on from the batch's last draft, each with its cause, principal and time. */
const pushDrafts = (
  drafts: Array<UnchainedEntry>,
  durableSeq: number,
  fields: Omit<UnchainedEntry, "seq" | "event" | "command_hash" | "signature">,
  events: ReadonlyArray<unknown>,
  { command_hash, signed }: {
    readonly signed: SignedCommand | undefined
    readonly command_hash: CommandOrigin["commandHash"]
  }
): void => {
  events.forEach((event, index) =>
    drafts.push({
      ...fields,
      seq: durableSeq + drafts.length + 1,
      event,
      ...(index === 0 && signed !== undefined ? { signature: signed } : undefined),
      ...(index === events.length - 1 && command_hash !== undefined ? { command_hash } : undefined)
    })
  )
}
