/** A user's tokens as the ledger has them, and the grant that every new user gets once (LED3). */
import { Effect, HashMap, Option } from "effect"
import { ledgerKind } from "../../domain/ledger/Ledger.ts"
import { type Answer, userAccount } from "../../domain/ledger/LedgerModel.ts"
import { CommandId, TopicId, type UserId } from "../../domain/protocol/Ids.ts"
import { type CommandRejected, Topics } from "../../services/Topics.ts"

const ledgerTopic = TopicId.make("ledger:main")
const systemAuthor = "system:server"

/** Whole tokens; undefined for a user the ledger has never heard of. */
const findBalance = Effect.fnUntraced(
  function*(user: UserId): Effect.fn.Return<number | undefined, CommandRejected, Topics> {
    const topics = yield* Topics
    const { accounts } = yield* topics.stateOf(ledgerKind, ledgerTopic, systemAuthor)
    return Option.getOrUndefined(HashMap.get(accounts, userAccount(user)))
  }
)

/** The user's balance. */
export const readBalance = (user: UserId): Effect.Effect<number, CommandRejected, Topics> =>
  Effect.map(findBalance(user), (amount) => amount ?? 0)

/** The balance of somebody who signs in: grants the first tokens to whoever has no account yet. */
export const ensureAccount = Effect.fnUntraced(
  function*(user: UserId): Effect.fn.Return<number, CommandRejected, Topics> {
    const existing = yield* findBalance(user)
    if (existing !== undefined) return existing
    const topics = yield* Topics
    const input: Answer = { _tag: "Grant", user }
    yield* topics.submit(ledgerTopic, { id: CommandId.make(`grant:${user}`), author: systemAuthor, input })
    return yield* readBalance(user)
  }
)
