/** Checks the logs at quiescence: snapshots, balances, stakes, hash chains and the ends of runs. */
import { Equal, HashMap, Option, Result } from "effect"
import { balanceOf, policy, totalBalance } from "../../../domain/ledger/Ledger.ts"
import { mainLedger, type State as LedgerState, threadAccount } from "../../../domain/ledger/LedgerModel.ts"
import { kindOf, type TopicId } from "../../../domain/protocol/Ids.ts"
import type { State as ThreadState } from "../../../domain/thread/ThreadModel.ts"
import { codecsFor } from "../../../domain/topic/KindCodecs.ts"
import { openStored } from "../../../domain/topic/SealedText.ts"
import type { SimulatedDisk } from "../cluster/SimulatedDisk.ts"
import type { DurableModel, TopicHistory } from "../oracle/DurableModel.ts"
import { findMarks } from "../oracle/TextMarks.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

/**
 * Stored snapshots equal the fold of the log (TOP7) and hold no text (TOP10), threads agree with the ledger (THR6), each run ended once
 * (CHO7).
 */
export const checkFinalInvariants = (runtime: SimulationRuntime, oracle: DurableModel, disk: SimulatedDisk): void => {
  oracle.verifyHashChains()
  const ledger = oracle.historyOf(mainLedger)?.states.at(-1) as LedgerState
  const threads: Array<ThreadState> = []
  for (const [topic, history] of oracle.topics) {
    checkSnapshot(runtime, oracle, disk, topic, history)
    checkErased(runtime, oracle, disk, topic, history)
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

/** TOP10: no text of the log has the mark of an erased one: the text itself, nor what repeats it. */
const checkErased = (
  runtime: SimulationRuntime,
  oracle: DurableModel,
  disk: SimulatedDisk,
  topic: TopicId,
  { entries, erased }: TopicHistory
): void => {
  const openings = disk.readDurable((log) => log.openings(topic, entries.map(({ seq }) => seq)))
  const { erasedMarks } = oracle
  for (const [c, [, text]] of [...openings.values()].flatMap((open) => Object.entries(open))) {
    const mark = [...findMarks(text).keys()].find((mark) => erasedMarks.has(mark))
    if (erased.has(c) || mark !== undefined) {
      runtime.reportViolation("TOP10", `${topic}: the text of ${c} is still there, although ${mark ?? "it"} was erased`)
    }
  }
}

const checkSnapshot = (
  runtime: SimulationRuntime,
  oracle: DurableModel,
  disk: SimulatedDisk,
  topic: TopicId,
  { kind, states }: TopicHistory
): void => {
  const stored = Option.getOrUndefined(disk.readDurable((log) => log.snapshot(topic)))
  if (stored === undefined) return
  if (findMarks(stored.state).size > 0) {
    runtime.reportViolation("TOP10", `${topic}: the snapshot of ${stored.seq} holds text`)
  }
  const read = codecsFor(kind).decodeState(JSON.parse(stored.state))
  if (Result.isFailure(read)) {
    return runtime.reportViolation("TOP7", `${topic}: the snapshot of ${stored.seq} cannot be read`)
  }
  const state = openStored(read.success, disk.readDurable((log) => log.openings(topic, stored.textSeqs)))
  // The form of a hash map depends on its history.
  const isEqual = topic === mainLedger
    ? Equal.equals(state, states[stored.seq])
    : oracle.isStateAt(topic, stored.seq, state)
  if (!isEqual) {
    runtime.reportViolation("TOP7", `${topic}: the snapshot of ${stored.seq} is not the fold`)
  }
  if (topic === mainLedger) checkSupply(runtime, state as LedgerState)
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
