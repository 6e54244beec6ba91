/**
 * A topic as its log has it, and what a batch of submissions would make of it.
 * Everything here is synchronous and changes nothing; `Host` commits.
 */
import { Result } from "effect"
import { type CommandId, type Instant, isUser, type TopicId } from "../../domain/Ids.ts"
import type { Draft } from "../../domain/Log.ts"
import { reject, type Rejection } from "../../domain/Rejection.ts"
import * as StateHash from "../../domain/StateHash.ts"
import { type AnyKind, type Context, type Decision, fold, type Intent, type Listing } from "../../domain/Topic.ts"
import type { Append, Carried } from "../../services/EventLog.ts"
import type { Receipt, Submission } from "../../services/Topics.ts"

/** What follows from a state: what the world owes, when to wake, how it is listed. */
export interface Derived {
  readonly pending: ReadonlyArray<Intent>
  readonly wakeAt: Instant | undefined
  readonly listing: Listing | undefined
}

/** The durable state, and its place in the log. */
export interface Standing extends Derived {
  readonly epoch: string
  readonly seq: number
  readonly state: unknown
}

/** What becomes of a submission once the batch is durable. */
export type Verdict =
  | { readonly _tag: "Answer"; readonly outcome: Result.Result<Receipt, Rejection> }
  | Extract<Decision<never>, { readonly _tag: "Forward" }>

/** A whole batch, decided. */
export interface Decided {
  readonly state: unknown
  readonly drafts: ReadonlyArray<Draft>
  /** One for each submission, in order. */
  readonly verdicts: ReadonlyArray<Verdict>
  /** The commands that this batch carries out. */
  readonly carried: ReadonlyMap<CommandId, Carried>
  /** Those of people among them that made no event. What the server asks may be decided anew. */
  readonly silent: NonNullable<Append["silent"]>
  /** Defects of the kind, for the log. */
  readonly defects: ReadonlyArray<unknown>
}

export const derive = (kind: AnyKind, state: unknown): Derived => ({
  pending: kind.pending(state),
  wakeAt: kind.nextWake(state),
  listing: kind.listing(state)
})

/** Whether a change of listing can have changed who may read. Kinds without one are asked every time. */
export const sameReaders = (a: Listing | undefined, b: Listing | undefined): boolean =>
  a !== undefined && b !== undefined && a.visibility === b.visibility &&
  (a.members === b.members || a.members.length === b.members.length && a.members.every((m, i) => m === b.members[i]))

export const sameListing = (a: Listing | undefined, b: Listing | undefined): boolean =>
  a === b ||
  sameReaders(a, b) && a?.title === b?.title && a?.status === b?.status && a?.updatedAt === b?.updatedAt

/** What a client hears of a defect of ours, or of a kind's (FLT25). */
export const internal = reject("internal", "FLT25", "this command met a defect in the server; nothing was changed")

const taken = reject("id_conflict", "SYN4", "this id was used by somebody else's command")
const reused = reject("id_conflict", "SYN4", "you have used this id for something else: give this command its own")

/** The outcome of a command whose id has been carried out before. */
const again = (topic: TopicId, before: Carried, now: Omit<Carried, "seq">): Result.Result<Receipt, Rejection> => {
  if (before.author !== now.author) return Result.fail(taken)
  return before.asked !== undefined && now.asked !== undefined && before.asked !== now.asked
    ? Result.fail(reused)
    : Result.succeed({ topic, seq: before.seq, duplicate: true })
}

const answer = (outcome: Result.Result<Receipt, Rejection>): Verdict => ({ _tag: "Answer", outcome })

interface Clockwork {
  readonly now: Instant
  readonly seed: () => number
  /** Commands that were carried out before, as far as is known. */
  readonly known: (id: CommandId) => Carried | undefined
}

/** Decides each submission against what the ones before it made of the state. A defect fails its own submission only. */
export const decideAll = (
  kind: AnyKind,
  topic: TopicId,
  standing: Pick<Standing, "seq" | "state">,
  submissions: ReadonlyArray<Submission>,
  { known, now, seed }: Clockwork
): Decided => {
  let { seq, state } = standing
  const drafts: Array<Draft> = []
  const carried = new Map<CommandId, Carried>()
  const silent: Array<NonNullable<Append["silent"]>[number]> = []
  const defects: Array<unknown> = []

  const one = ({ author, id, input, signed }: Submission): Verdict => {
    const before = carried.get(id) ?? known(id)
    try {
      // What the server itself sends again may have come about differently; people send again what they sent.
      const whose: Omit<Carried, "seq"> = isUser(author) ? { author, asked: StateHash.of(input) } : { author }
      if (before !== undefined) return answer(again(topic, before, whose))
      const context: Context = { id, author, now, seed: seed(), signed: signed !== undefined }
      const decision = kind.decide(state, input, context)
      if (decision._tag === "Failure") return answer(Result.fail(decision.failure))
      if (decision.success._tag === "Forward") return decision.success
      const { events } = decision.success
      state = fold(kind, state, events)
      for (const [n, event] of events.entries()) {
        // Events are plain JSON values by the kind's contract.
        const json = event as Draft["event"]
        const proof = n === 0 && signed !== undefined ? { signed } : undefined
        const asked = n === events.length - 1 && whose.asked !== undefined ? { asked: whose.asked } : undefined
        const what = { at: now, cause: id, author, version: kind.version, event: json }
        drafts.push({ topic, seq: ++seq, ...what, ...proof, ...asked })
      }
      carried.set(id, { seq, ...whose })
      if (events.length === 0 && isUser(author)) silent.push({ id, seq, ...whose })
      return answer(Result.succeed({ topic, seq, duplicate: false }))
    } catch (defect) {
      defects.push(defect)
      return answer(Result.fail(internal))
    }
  }
  const verdicts = submissions.map(one)
  return { state, drafts, verdicts, carried, silent, defects }
}
