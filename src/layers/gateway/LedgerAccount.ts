/** A user's balance in the ledger, and the grant that each new user gets once (LED3). */
import { Effect, HashMap, Option } from "effect"
import { ledgerKind } from "../../domain/ledger/Ledger.ts"
import { type Answer, mainLedger, type State, userAccount } from "../../domain/ledger/LedgerModel.ts"
import { CommandId, type UserId } from "../../domain/protocol/Ids.ts"
import { type CommandRejected, Topics } from "../../services/Topics.ts"

const systemAuthor = "system:server"

/** The balances of all accounts; undefined on a server without the kind of the ledger. */
const readAccounts: Effect.Effect<State["accounts"] | undefined, CommandRejected, Topics> = Effect.flatMap(
  Topics,
  (topics) => topics.stateOf(ledgerKind, mainLedger, systemAuthor)
).pipe(
  Effect.map(({ accounts }) => accounts),
  Effect.catchIf(({ rejection }) => rejection.code === "not_found", () => Effect.undefined)
)

const balanceIn = (accounts: State["accounts"], user: UserId): number | undefined =>
  Option.getOrUndefined(HashMap.get(accounts, userAccount(user)))

/** The user's balance in whole tokens; 0 without an account, and without a ledger. */
export const readBalance = (user: UserId): Effect.Effect<number, CommandRejected, Topics> =>
  Effect.map(readAccounts, (accounts) => accounts === undefined ? 0 : balanceIn(accounts, user) ?? 0)

/**
 * The user's balance, after the grant to a user without an account. The grant's id makes it idempotent (LED3). Without a
 * ledger there are no accounts, and the balance is 0.
 */
export const ensureAccount = Effect.fnUntraced(
  function*(user: UserId): Effect.fn.Return<number, CommandRejected, Topics> {
    const accounts = yield* readAccounts
    if (accounts === undefined) return 0
    const existing = balanceIn(accounts, user)
    if (existing !== undefined) return existing
    const topics = yield* Topics
    const input: Answer = { _tag: "Grant", user }
    yield* topics.submit(mainLedger, { id: CommandId.make(`grant:${user}`), author: systemAuthor, input })
    return yield* readBalance(user)
  }
)
