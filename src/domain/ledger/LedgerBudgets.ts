/**
 * Budgets of agents (AUT8): what an agent may stake of its owner's account by one attestation. A stake whose offer is refused
 * is given back.
 *
 * One attestation of an owner for an agent counts at a time, the newest: after a newer one was used, an older one pays for
 * nothing, whether either has a budget or not. So the ledger keeps a record per agent that has staked, as it keeps accounts:
 * an older attestation may expire later than a newer one.
 */
import { HashMap, Option } from "effect"
import type { Instant } from "../protocol/Ids.ts"
import type { Attestation, Principal } from "../protocol/Principal.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import type { AccountId, AgentSpending, Offer, Spender, State } from "./LedgerModel.ts"

/** No agent has staked. */
export const nothingSpent: State["agents"] = HashMap.empty()

const keyOf = (account: AccountId, { agent }: Pick<Spender, "agent">): string => `${account} ${agent}`

const spendingOf = (agents: State["agents"], account: AccountId, spender: Spender): AgentSpending | undefined =>
  Option.getOrUndefined(HashMap.get(agents, keyOf(account, spender)))

/** The attestation by which a principal acts; undefined for a person and the server. */
export const attestationOf = (principal: Principal | undefined): Attestation | undefined =>
  principal !== undefined && "agent" in principal ? principal.attestation : undefined

/** What a stake by this attestation counts against. */
export const spenderOf = ({ agent, expires_at, issued_at }: Attestation): Spender => ({ agent, expires_at, issued_at })

/** AUT8: the rejection of a stake that an agent's attestation does not pay for. */
export const rejectStake = (
  { agents }: State,
  account: AccountId,
  attestation: Attestation,
  amount: number,
  now: Instant
): Rejection | undefined => {
  const { budget, expires_at, issued_at } = attestation
  if (now >= expires_at) {
    return makeRejection("auth_failed", "AUT8", "the attestation has expired: ask the owner for a new one")
  }
  const known = spendingOf(agents, account, attestation)
  if (known !== undefined && known.issued_at > issued_at) {
    return makeRejection("rule_violated", "AUT8", "a newer attestation of this agent is in use: stake by that one")
  }
  if (budget === null) return undefined
  const left = Math.max(0, budget - (known?.issued_at === issued_at ? known.spent : 0))
  return amount <= left
    ? undefined
    : makeRejection(
      "insufficient_funds",
      "AUT8",
      `your owner's budget for you is ${budget} tokens, of which ${left} are left`
    )
}

/** After a stake was reserved. */
export const withStake = (agents: State["agents"], { amount, from, spender }: Offer): State["agents"] => {
  if (spender === undefined) return agents
  const { issued_at } = spender
  const known = spendingOf(agents, from, spender)
  const spent = (known?.issued_at === issued_at ? known.spent : 0) + amount
  return HashMap.set(agents, keyOf(from, spender), { issued_at, spent })
}

/** After an offer was refused: its stake counts no longer. */
export const withoutStake = (agents: State["agents"], { amount, from, spender }: Offer): State["agents"] => {
  const known = spender === undefined ? undefined : spendingOf(agents, from, spender)
  return spender === undefined || known?.issued_at !== spender.issued_at
    ? agents
    : HashMap.set(agents, keyOf(from, spender), { ...known, spent: known.spent - amount })
}
