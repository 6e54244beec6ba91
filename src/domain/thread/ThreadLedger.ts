/** What a thread hears from the ledger, and what it gives away in the end (THR6, THR7). */
import { Schema } from "effect"
import * as Ledger from "../ledger/LedgerModel.ts"
import { CommandId, type Instant } from "../protocol/Ids.ts"
import type { CommandOutcome, SendCommand } from "../topic/Topic.ts"
import { acceptEvents, type DecisionResult } from "./ThreadGuards.ts"
import type { EventOf, State } from "./ThreadModel.ts"

/** The ledger answered one of our asks; anything else is an echo. */
export const decideLedgerOutcome = (state: State, { id, rejection }: CommandOutcome, now: Instant): DecisionResult => {
  const ledgerCommand = state.owed.find((command) => command.id === id)
  if (ledgerCommand === undefined) return acceptEvents()
  const wasAccepted = rejection === null
  const to_thread = wasAccepted ? creditedToThread(state, ledgerCommand) : 0
  return acceptEvents({ _tag: "LedgerAnswered", ask: id, accepted: wasAccepted, to_thread, at: now })
}

const decodeLedgerInput = Schema.decodeUnknownOption(Ledger.Answer)

/** What an ask moves to the thread's own account. */
const creditedToThread = (state: State, ledgerCommand: SendCommand): number => {
  const input = decodeLedgerInput(ledgerCommand.input)
  if (input._tag === "None" || input.value._tag !== "Settle") return 0
  const threadAccount = Ledger.threadAccount(state.id)
  return input.value.shares.reduce((sum, share) => share.to === threadAccount ? sum + share.amount : sum, 0)
}

/** THR6: an ask is answered; what it moved to the thread is there. */
export const applyLedgerAnswered = (state: State, { ask, to_thread }: EventOf<"LedgerAnswered">): State =>
  payOutRemainder({
    ...state,
    owed: state.owed.filter((command) => command.id !== ask),
    token_balance: state.token_balance + to_thread
  })

/** THR7: once a closed thread awaits nothing any more, what it holds goes to its last co-author; that happens once. */
export const payOutRemainder = (state: State): State => {
  const [lastCoAuthor] = state.co_authors
  if (state.status !== "closed" || state.owed.length > 0 || state.token_balance === 0 || lastCoAuthor === undefined) {
    return state
  }
  const input = {
    _tag: "Transfer",
    from: Ledger.threadAccount(state.id),
    to: Ledger.userAccount(lastCoAuthor),
    amount: state.token_balance,
    reason: `${state.id} closed`
  } as const
  const payoutCommand = {
    _tag: "Tell",
    id: CommandId.make(`${state.id}:close`),
    topic: Ledger.mainLedger,
    input
  } as const
  return { ...state, token_balance: 0, owed: [payoutCommand] }
}
