/** Checks the logs at quiescence: snapshots, balances, stakes, hash chains and the ends of runs. */
import { Equal, HashMap, Option, Schema } from "effect"
import { isDeepStrictEqual } from "node:util"
import { balanceOf, policy, totalBalance } from "../../../domain/ledger/Ledger.ts"
import { mainLedger, type State as LedgerState, threadAccount } from "../../../domain/ledger/LedgerModel.ts"
import { kindOf, type TopicId } from "../../../domain/protocol/Ids.ts"
import type { State as ThreadState } from "../../../domain/thread/ThreadModel.ts"
import type { SimulatedDisk } from "../cluster/SimulatedDisk.ts"
import type { DurableModel, TopicHistory } from "../oracle/DurableModel.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

/**
 * Stored snapshots equal the fold of the log (TOP7), threads agree with the ledger (THR6), each run ended once
 * (CHO7).
 */
export const checkFinalInvariants = (runtime: SimulationRuntime, oracle: DurableModel, disk: SimulatedDisk): void => {
  oracle.verifyHashChains()
  const ledger = oracle.historyOf(mainLedger)?.states.at(-1) as LedgerState
  const threads: Array<ThreadState> = []
  for (const [topic, history] of oracle.topics) {
    checkSnapshot(runtime, disk, topic, history)
    if (kindOf(topic) !== "thread") continue
    const thread = history.states.at(-1) as ThreadState
    threads.push(thread)
    const ledgerBalance = balanceOf(ledger, threadAccount(topic))
    if (thread.token_balance !== ledgerBalance) {
      runtime.reportViolation(
        "THR6",
        `${topic} has a balance of ${thread.token_balance}, the ledger has ${ledgerBalance}`
      )
    }
    for (const run of thread.runs) {
      if (oracle.runEndCounts.get(run.prompt_id) !== 1) {
        runtime.reportViolation("CHO7", `the run of ${run.prompt_id} has not ended exactly once`)
      }
    }
  }
  checkStakes(runtime, ledger, threads)
}

const checkSnapshot = (
  runtime: SimulationRuntime,
  disk: SimulatedDisk,
  topic: TopicId,
  { kind, states }: TopicHistory
): void => {
  const stored = Option.getOrUndefined(disk.readDurable((log) => log.snapshot(topic)))
  if (stored === undefined) return
  const read = Schema.decodeUnknownExit(Schema.toCodecJson(kind.State))(JSON.parse(stored.state))
  // The form of a hash map depends on its history.
  const isEqual = topic === mainLedger ? Equal.equals : isDeepStrictEqual
  if (read._tag === "Failure" || !isEqual(read.value, states[stored.seq])) {
    runtime.reportViolation("TOP7", `${topic}: the snapshot of ${stored.seq} is not the fold`)
  }
  if (read._tag === "Success" && topic === mainLedger) checkSupply(runtime, read.value as LedgerState)
}

/** LED2: the server's own state of the ledger holds every token. */
const checkSupply = (runtime: SimulationRuntime, ledger: LedgerState): void => {
  if (totalBalance(ledger) !== policy.totalSupply) {
    runtime.reportViolation("LED2", `the stored ledger holds ${totalBalance(ledger)} of ${policy.totalSupply}`)
  }
}

/** LED4: the ledger's stakes equal those of the pending submissions. */
const checkStakes = (runtime: SimulationRuntime, ledger: LedgerState, threads: ReadonlyArray<ThreadState>): void => {
  const pendingStakes = threads.flatMap(({ submissions }) =>
    submissions.filter(({ status }) => status === "pending").map(({ id, stake }) => [`stake:${id}`, stake] as const)
  )
  const ledgerStakes = [...HashMap.toEntries(ledger.accounts)].filter(([account]) => account.startsWith("stake:"))
  const formatSorted = (pairs: ReadonlyArray<readonly [string, number]>) =>
    pairs.map(([id, n]) => `${id} ${n}`).sort().join()
  if (formatSorted(pendingStakes) !== formatSorted(ledgerStakes)) {
    runtime.reportViolation(
      "LED4",
      `the ledger holds ${formatSorted(ledgerStakes)}, pending are ${formatSorted(pendingStakes)}`
    )
  }
}
