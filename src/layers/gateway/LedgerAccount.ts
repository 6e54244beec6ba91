/** A user's balance in the ledger, and the grant that each new user gets once (LED3). */
import { Effect, Result } from "effect"
import * as DailyLimits from "../../domain/admission/DailyLimits.ts"
import * as Ledger from "../../domain/ledger/Ledger.ts"
import * as LedgerGrants from "../../domain/ledger/LedgerGrants.ts"
import { type Answer, mainLedger, type State, userAccount } from "../../domain/ledger/LedgerModel.ts"
import { CommandId, type UserId } from "../../domain/protocol/Ids.ts"
import { type CommandRejected, Topics } from "../../services/Topics.ts"
import { type ConnectionRuntime, now } from "./ConnectionRuntime.ts"

const systemAuthor = "system:server"

/** The state of the ledger; undefined on a server without its kind. */
const readLedger: Effect.Effect<State | undefined, CommandRejected, Topics> = Effect.flatMap(
  Topics,
  (topics) => topics.stateOf(Ledger.ledgerKind, mainLedger, systemAuthor)
).pipe(
  Effect.catchIf(({ rejection }) => rejection.code === "not_found", () => Effect.undefined)
)

/** The user's balance in whole tokens; 0 without an account, and without a ledger. */
export const readBalance = (user: UserId): Effect.Effect<number, CommandRejected, Topics> =>
  Effect.map(readLedger, (ledger) => ledger === undefined ? 0 : Ledger.balanceOf(ledger, userAccount(user)))

/**
 * The user's balance, after the grant to a user who had none. The grant's id makes it idempotent. When the grants of the
 * day are used up, the user has what they have, and is granted at a later sign-in. Without a ledger there are no accounts,
 * and the balance is 0.
 */
export const ensureAccount = Effect.fnUntraced(function*(
  runtime: ConnectionRuntime,
  user: UserId,
  address: string
): Effect.fn.Return<number, CommandRejected, Topics> {
  const ledger = yield* readLedger
  if (ledger === undefined) return 0
  yield* watchTreasury(runtime, ledger)
  if (LedgerGrants.isGranted(ledger, user)) return Ledger.balanceOf(ledger, userAccount(user))
  const grant = runtime.dailyBudgets.grants(DailyLimits.grantAllowances(address, runtime.limits), now(runtime))
  if (Result.isFailure(grant)) {
    runtime.metrics.budgetRefusals.grants.value += 1
    return Ledger.balanceOf(ledger, userAccount(user))
  }
  const topics = yield* Topics
  const input: Answer = { _tag: "Grant", user }
  yield* topics.submit(mainLedger, { id: CommandId.make(`grant:${user}`), author: systemAuthor, input }).pipe(
    Effect.tapError(() => Effect.sync(grant.success))
  )
  return yield* readBalance(user)
})

/** LED3: shows the treasury to the operator, and warns once when it runs out. */
const watchTreasury = ({ metrics: { treasury } }: ConnectionRuntime, ledger: State): Effect.Effect<void> => {
  const isLow = LedgerGrants.isTreasuryLow(ledger)
  const wasLow = treasury.isLow
  treasury.isLow = isLow
  treasury.tokens = Ledger.balanceOf(ledger, "treasury")
  return isLow && !wasLow
    ? Effect.logWarning("the treasury is low: without it new users are granted nothing").pipe(
      Effect.annotateLogs({ tokens: treasury.tokens })
    )
    : Effect.void
}
