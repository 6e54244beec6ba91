/** A user's balance in the ledger, and the grant that each new user gets once (LED3). */
import { Effect, HashMap, Option } from "effect"
import { ledgerKind } from "../../domain/ledger/Ledger.ts"
import { type Answer, mainLedger, userAccount } from "../../domain/ledger/LedgerModel.ts"
import { CommandId, type UserId } from "../../domain/protocol/Ids.ts"
import { type CommandRejected, Topics } from "../../services/Topics.ts"

const systemAuthor = "system:server"

/** The balance in whole tokens; undefined for a user without an account. */
const findBalance = Effect.fnUntraced(
  function*(user: UserId): Effect.fn.Return<number | undefined, CommandRejected, Topics> {
    const topics = yield* Topics
    const { accounts } = yield* topics.stateOf(ledgerKind, mainLedger, systemAuthor)
    return Option.getOrUndefined(HashMap.get(accounts, userAccount(user)))
  }
)

/** The user's balance in whole tokens; 0 without an account. */
export const readBalance = (user: UserId): Effect.Effect<number, CommandRejected, Topics> =>
  Effect.map(findBalance(user), (amount) => amount ?? 0)

/** The user's balance, after the grant to a user without an account. The grant's id makes it idempotent (LED3). */
export const ensureAccount = Effect.fnUntraced(
  function*(user: UserId): Effect.fn.Return<number, CommandRejected, Topics> {
    const existing = yield* findBalance(user)
    if (existing !== undefined) return existing
    const topics = yield* Topics
    const input: Answer = { _tag: "Grant", user }
    yield* topics.submit(mainLedger, { id: CommandId.make(`grant:${user}`), author: systemAuthor, input })
    return yield* readBalance(user)
  }
)
