/**
 * Planted bugs of kinds: each replaces in one case what a kind of the server decides, or the state after an event. The
 * clients and the oracle keep the real kinds. The server's check of the change is gone too: it would reject most of them.
 */
import { HashMap, Result } from "effect"
import { balanceOf, ledgerKind } from "../../../domain/ledger/Ledger.ts"
import { isUser } from "../../../domain/protocol/Ids.ts"
import type { Rejection } from "../../../domain/protocol/Rejection.ts"
import { threadKind } from "../../../domain/thread/Thread.ts"
import { accept, type CommandContext, type Decision, type Intent, type Kind } from "../../../domain/topic/Topic.ts"
import type { PlantedBug } from "../cluster/SimulatedServer.ts"

type DecisionResult<E> = Result.Result<Decision<E>, Rejection>

/** Replaces what a kind decides. */
export const replaceDecision = <S, C, A, E, I extends Intent>(
  kind: Kind<S, C, A, E, I>,
  change: (result: DecisionResult<E>, input: C | A, context: CommandContext) => DecisionResult<E>
): PlantedBug => {
  const decide: typeof kind.decide = (state, input, context) =>
    change(kind.decide(state, input, context), input, context)
  return { kinds: (kinds) => new Map([...kinds, [kind.name, { ...kind, decide, validate: () => [] }]]) }
}

/** The vote of a user who has voted already counts. */
export const countDuplicateVotes: PlantedBug = replaceDecision(
  threadKind,
  (result, input, { author, now }) =>
    Result.isFailure(result) && result.failure.rule === "THR3" && input._tag === "process_approval" && isUser(author)
      ? accept({ _tag: "VoteCast", message_id: input.message_id, voter: author, choice: input.decision, at: now })
      : result
)

/** A run starts beside another one. */
export const startRunsAtOnce: PlantedBug = replaceDecision(
  threadKind,
  (result, input, { id, now }) =>
    input._tag === "submit_prompt" && Result.isSuccess(result) && result.success._tag === "Accept"
      ? accept(
        ...result.success.events.filter(({ _tag }) => _tag !== "RunStarted"),
        { _tag: "RunStarted", prompt_id: id, at: now }
      )
      : result
)

/** A settled stake is paid out twice. */
export const repeatShares: PlantedBug = replaceDecision(
  ledgerKind,
  (result, input) =>
    input._tag === "Settle" && Result.isSuccess(result) && result.success._tag === "Accept"
      ? accept(
        ...result.success.events.map((event) =>
          event._tag === "Moved" ? { ...event, shares: [...event.shares, ...event.shares] } : event
        )
      )
      : result
)

/** The stake of a rejected submission stays reserved. */
export const holdRejectedStakes: PlantedBug = replaceDecision(
  ledgerKind,
  (result, input) =>
    input._tag === "Settle" && input.cause._tag === "Settled" && input.cause.outcome === "rejected" ? accept() : result
)

/** A search goes on when somebody joins its thread. */
export const searchOnAfterJoin: PlantedBug = replaceDecision(
  threadKind,
  (result) =>
    Result.map(result, (decision) =>
      decision._tag === "Forward" ? decision : {
        ...decision,
        events: decision.events.filter((event) =>
          event._tag !== "StepFailed" || !event.error.message.includes("joined")
        )
      })
)

/** A reward reaches its author, and stays in the treasury as well. */
export const createRewards: PlantedBug = {
  kinds: (kinds) => {
    const evolve: typeof ledgerKind.evolve = (state, event) => {
      const next = ledgerKind.evolve(state, event)
      return event._tag === "Rewarded"
        ? { ...next, accounts: HashMap.set(next.accounts, "treasury", balanceOf(state, "treasury")) }
        : next
    }
    return new Map([...kinds, [ledgerKind.name, { ...ledgerKind, evolve, validate: () => [] }]])
  }
}
