/** What a thread hears from the ledger, and what it gives away in the end (THR6, THR7). */
import { Schema } from "effect"
import { CommandId, type Instant } from "../Ids.ts"
import type { Tell, Told } from "../Topic.ts"
import * as Ledger from "./LedgerModel.ts"
import type { EventOf, State } from "./ThreadModel.ts"
import { accepted, type Outcome } from "./ThreadRules.ts"

/** The ledger answered one of our asks; anything else is an echo. */
export const told = (state: State, { id, rejection }: Told, now: Instant): Outcome => {
  const ask = state.owed.find((ask) => ask.id === id)
  if (ask === undefined) return accepted()
  const granted = rejection === null
  const to_thread = granted ? reaching(state, ask) : 0
  return accepted({ _tag: "LedgerAnswered", ask: id, accepted: granted, to_thread, at: now })
}

const asLedgerInput = Schema.decodeUnknownOption(Ledger.Answer)

/** What an ask moves to the thread's own account. */
const reaching = (state: State, ask: Tell): number => {
  const input = asLedgerInput(ask.input)
  if (input._tag === "None" || input.value._tag !== "Settle") return 0
  const own = Ledger.threadAccount(state.id)
  return input.value.shares.reduce((sum, share) => share.to === own ? sum + share.amount : sum, 0)
}

/** THR6: an ask is answered; what it moved to the thread is there. */
export const answered = (state: State, { ask, to_thread }: EventOf<"LedgerAnswered">): State =>
  payOut({
    ...state,
    owed: state.owed.filter((one) => one.id !== ask),
    token_balance: state.token_balance + to_thread
  })

/** THR7: once a closed thread awaits nothing any more, what it holds goes to its last co-author; that happens once. */
export const payOut = (state: State): State => {
  const [last] = state.co_authors
  if (state.status !== "closed" || state.owed.length > 0 || state.token_balance === 0 || last === undefined) {
    return state
  }
  const input = {
    _tag: "Transfer",
    from: Ledger.threadAccount(state.id),
    to: Ledger.userAccount(last),
    amount: state.token_balance,
    reason: `${state.id} closed`
  } as const
  const ask = { _tag: "Tell", id: CommandId.make(`${state.id}:close`), topic: Ledger.mainLedger, input } as const
  return { ...state, token_balance: 0, owed: [ask] }
}
