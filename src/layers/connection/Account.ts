/** A user's tokens as the ledger has them, and the grant that every new user gets once (LED3). */
import { Effect, HashMap, Option } from "effect"
import { CommandId, TopicId, type UserId } from "../../domain/Ids.ts"
import { type Answer, type State as Ledger, userAccount } from "../../domain/kinds/LedgerModel.ts"
import { type CommandRefused, Topics } from "../../services/Topics.ts"

const ledger = TopicId.make("ledger:main")
const server = "system:server"

/** Whole tokens; undefined for a user the ledger has never heard of. */
const find = Effect.fnUntraced(function*(user: UserId): Effect.fn.Return<number | undefined, CommandRefused, Topics> {
  const topics = yield* Topics
  const { accounts } = (yield* topics.state(ledger, server)) as Ledger
  return Option.getOrUndefined(HashMap.get(accounts, userAccount(user)))
})

/** The user's balance. */
export const balance = (user: UserId): Effect.Effect<number, CommandRefused, Topics> =>
  Effect.map(find(user), (amount) => amount ?? 0)

/** The balance of somebody who signs in: grants the first tokens to whoever has no account yet. */
export const welcome = Effect.fnUntraced(function*(user: UserId): Effect.fn.Return<number, CommandRefused, Topics> {
  const known = yield* find(user)
  if (known !== undefined) return known
  const topics = yield* Topics
  const input: Answer = { _tag: "Grant", user }
  yield* topics.submit(ledger, { id: CommandId.make(`grant:${user}`), author: server, input })
  return yield* balance(user)
})
