/** What must be true of the logs once nothing is under way. */
import { HashMap, Option, Schema } from "effect"
import { isDeepStrictEqual } from "node:util"
import { kindOf, type TopicId } from "../../src/domain/Ids.ts"
import { balance } from "../../src/domain/kinds/Ledger.ts"
import { mainLedger, type State as LedgerState, threadAccount } from "../../src/domain/kinds/LedgerModel.ts"
import type { State as ThreadState } from "../../src/domain/kinds/ThreadModel.ts"
import type { Disk } from "./Disk.ts"
import type { Topic, Truth } from "./Truth.ts"
import type { World } from "./World.ts"

/** Snapshots are folds, threads and the ledger agree, and every run has ended once. */
export const settled = (world: World, truth: Truth, disk: Disk): void => {
  truth.verify()
  const ledger = truth.at(mainLedger)?.states.at(-1) as LedgerState
  const threads: Array<ThreadState> = []
  for (const [topic, known] of truth.topics) {
    snapshot(world, disk, topic, known)
    if (kindOf(topic) !== "thread") continue
    const thread = known.states.at(-1) as ThreadState
    threads.push(thread)
    const held = balance(ledger, threadAccount(topic))
    if (thread.token_balance !== held) {
      world.violate("THR6", `${topic} thinks it holds ${thread.token_balance}, the ledger says ${held}`)
    }
    for (const run of thread.runs) {
      if (truth.ends.get(run.prompt_id) !== 1) world.violate("CHO7", `the run of ${run.prompt_id} has not ended once`)
    }
  }
  stakes(world, ledger, threads)
}

const snapshot = (world: World, disk: Disk, topic: TopicId, { kind, states }: Topic): void => {
  const stored = Option.getOrUndefined(disk.peek((log) => log.snapshot(topic)))
  if (stored === undefined || kindOf(topic) === "ledger") return
  const read = Schema.decodeUnknownExit(Schema.toCodecJson(kind.State))(JSON.parse(stored.state))
  if (read._tag === "Failure" || !isDeepStrictEqual(read.value, states[stored.seq])) {
    world.violate("TOP7", `${topic}: the snapshot of ${stored.seq} is not the fold`)
  }
}

/** LED4: what the ledger holds as stakes is what is under vote, to the token. */
const stakes = (world: World, ledger: LedgerState, threads: ReadonlyArray<ThreadState>): void => {
  const voted = threads.flatMap(({ submissions }) =>
    submissions.filter(({ status }) => status === "pending").map(({ id, stake }) => [`stake:${id}`, stake] as const)
  )
  const held = [...HashMap.toEntries(ledger.accounts)].filter(([account]) => account.startsWith("stake:"))
  const sorted = (pairs: ReadonlyArray<readonly [string, number]>) => pairs.map(([id, n]) => `${id} ${n}`).sort().join()
  if (sorted(voted) !== sorted(held)) {
    world.violate("LED4", `the ledger holds ${sorted(held)}, under vote are ${sorted(voted)}`)
  }
}
