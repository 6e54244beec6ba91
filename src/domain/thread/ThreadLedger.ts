/**
 * A thread's requests to the ledger: their outcomes, and the payout of a closed thread (THR6, THR7). A thread never
 * changes a balance itself; `token_balance` is what the ledger's answers have confirmed.
 */
import { Schema } from "effect"
import * as LedgerModel from "../ledger/LedgerModel.ts"
import { CommandId, type Instant } from "../protocol/Ids.ts"
import type { CommandOutcome, SendCommand } from "../topic/Topic.ts"
import { accountOf } from "./ThreadAgents.ts"
import * as ThreadGuards from "./ThreadGuards.ts"
import type { EventOf, State } from "./ThreadModel.ts"

/**
 * THR6, LED4: the outcome of a pending request. A repeated outcome, after a crash between the ledger's decision and this
 * one, changes nothing.
 */
export const decideLedgerOutcome = (
  state: State,
  { id, rejection }: CommandOutcome,
  now: Instant
): ThreadGuards.DecisionResult => {
  const ledgerCommand = state.ledger_requests.find((command) => command.id === id)
  if (ledgerCommand === undefined) return ThreadGuards.acceptEvents()
  const wasAccepted = rejection === null
  const to_thread = wasAccepted ? creditedToThread(state, ledgerCommand) : 0
  return ThreadGuards.acceptEvents({ _tag: "LedgerAnswered", request: id, accepted: wasAccepted, to_thread, at: now })
}

const decodeLedgerInput = Schema.decodeUnknownOption(LedgerModel.Answer)

/** The tokens that a request moves to the thread's account. */
const creditedToThread = (state: State, ledgerCommand: SendCommand): number => {
  const input = decodeLedgerInput(ledgerCommand.input)
  if (input._tag === "None" || input.value._tag !== "Settle") return 0
  const threadAccount = LedgerModel.threadAccount(state.id)
  return input.value.shares.reduce((sum, share) => share.to === threadAccount ? sum + share.amount : sum, 0)
}

/** THR6: the request is answered, and its tokens for the thread are in the account. */
export const applyLedgerAnswered = (state: State, { request, to_thread }: EventOf<"LedgerAnswered">): State =>
  payOutRemainder({
    ...state,
    ledger_requests: state.ledger_requests.filter((command) => command.id !== request),
    token_balance: state.token_balance + to_thread
  })

/** THR7: when a closed thread has no pending request, its balance goes to its last co-author, once. */
export const payOutRemainder = (state: State): State => {
  const [lastCoAuthor] = state.co_authors
  if (
    state.status !== "closed" || state.ledger_requests.length > 0 || state.token_balance === 0 ||
    lastCoAuthor === undefined
  ) {
    return state
  }
  const payout = LedgerModel.ledgerRequest(state.id, CommandId.make(`${state.id}:close`), {
    _tag: "Transfer",
    from: LedgerModel.threadAccount(state.id),
    to: accountOf(state, lastCoAuthor),
    amount: state.token_balance,
    cause: { _tag: "Closed", thread: state.id }
  })
  return { ...state, token_balance: 0, ledger_requests: [payout] }
}
