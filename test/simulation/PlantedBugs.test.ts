/** Every planted bug must be found by the rule that it breaks, and seeds that failed once must not fail again. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as PlantedBugs from "../../src/testing/simulation/planted-bugs/PlantedBugs.ts"
import * as SeedRunner from "../../src/testing/simulation/SeedRunner.ts"
import { simulate } from "../../src/testing/simulation/Simulation.ts"

/** A busy machine takes many times as long as an idle one. */
const timeoutMillis = 60 * 60_000

/** Runs a planted bug until a seed violates one of `rules`; fails after `seedsMax` seeds. */
const assertFound = Effect.fnUntraced(
  function*(bug: PlantedBugs.BugName, rules: ReadonlyArray<string>, seedsMax: number) {
    const shouldStop = ({ failures }: SeedRunner.RunSummary) =>
      failures.some(({ violations }) =>
        violations.some((violation) => rules.includes(SeedRunner.violatedRule(violation)))
      )
    const summary = yield* SeedRunner.runSeeds({ from: 1, seeds: seedsMax, bug, shouldStop })
    assert.isTrue(
      shouldStop(summary),
      `${summary.failures.length} of ${summary.seeds} seeds failed, none by ${rules.join()}`
    )
  }
)

interface Expectation {
  readonly title: string
  /** The rules of which at least one must be violated. */
  readonly rules: ReadonlyArray<string>
  readonly seedsMax: number
}

const expectations: Record<PlantedBugs.BugName, Expectation> = {
  "unordered-broadcast": { title: "[SYN2] a broadcast out of order", rules: ["SYN2"], seedsMax: 10 },
  "subscribe-after-read": { title: "[SYN2] a subscription after the read", rules: ["SYN2"], seedsMax: 10 },
  "no-dedupe": { title: "[SYN4] a server without dedup", rules: ["SYN4"], seedsMax: 80 },
  "ack-before-sync": { title: "[TOP4] an acknowledgement before the fsync", rules: ["TOP4"], seedsMax: 10 },
  "dirty-read": { title: "[TOP4] a publication before the fsync", rules: ["TOP4"], seedsMax: 10 },
  "read-inside-race": {
    title: "[SYN2][SYN10] a client that loses a frame in a race",
    rules: ["SYN2", "SYN10"],
    seedsMax: 10
  },
  "cached-authorisation": { title: "[SEC7] a cached authorisation", rules: ["SEC7"], seedsMax: 10 },
  "ignored-upsert-errors": { title: "[STO4] an indexer that ignores failed upserts", rules: ["STO4"], seedsMax: 20 },
  "stripped-hashes": { title: "[SYN7] a server that sends no state hashes", rules: ["SYN7"], seedsMax: 10 },
  "drain-without-goodbye": { title: "[SYN11] a drain without goodbye", rules: ["SYN11"], seedsMax: 20 },
  "every-vote-counts": { title: "[THR3] a vote of a user who has voted", rules: ["THR3"], seedsMax: 10 },
  "unqueued-runs": { title: "[THR8] a run that starts beside another", rules: ["THR8"], seedsMax: 10 },
  "stakes-paid-twice": { title: "[LED2] a stake that is paid out twice", rules: ["LED2"], seedsMax: 10 },
  "created-rewards": { title: "[LED2] a reward that the treasury does not pay", rules: ["LED2"], seedsMax: 20 },
  "rejected-stakes-kept": { title: "[LED4] a stake that is never released", rules: ["LED4"], seedsMax: 10 },
  "search-for-one-reader": {
    title: "[CHO13][SEC10] a search that reads what one reader of the thread may read",
    rules: ["CHO13"],
    seedsMax: 10
  },
  "search-after-join": { title: "[CHO13] a search that goes on after a join", rules: ["CHO13"], seedsMax: 40 },
  "cached-sessions": { title: "[AUT2] a cache of sessions that hears of no revocation", rules: ["AUT2"], seedsMax: 10 },
  "sign-out-of-one-connection": {
    title: "[SEC7] a sign-out that leaves the session's other connections open",
    rules: ["SEC7"],
    seedsMax: 10
  },
  "trimmed-texts": { title: "[TOP10] a text that does not fit its seal", rules: ["TOP10"], seedsMax: 10 },
  "texts-in-snapshots": { title: "[TOP10] a snapshot that keeps texts", rules: ["TOP10"], seedsMax: 10 },
  "texts-in-offers": { title: "[TOP10] a submission whose text the ledger keeps", rules: ["TOP10"], seedsMax: 10 },
  "cached-texts": { title: "[TOP10] a cache of texts that hears of no erasure", rules: ["TOP10"], seedsMax: 20 },
  "copies-kept": { title: "[TOP10] copies of an erased text in another thread", rules: ["TOP10"], seedsMax: 30 },
  "points-kept": { title: "[STO4] [TOP10] an index that keeps erased texts", rules: ["STO4"], seedsMax: 20 }
}

describe("planted bugs", () => {
  for (const bug of PlantedBugs.bugNames) {
    const { rules, seedsMax, title } = expectations[bug]
    it.live(
      `${title} is found within ${seedsMax} seeds (${bug})`,
      () => assertFound(bug, rules, seedsMax),
      timeoutMillis
    )
  }
})

/** Seeds beyond the fixed range. The defect that each of them found also has a test of its own where it was fixed. */
const regressions: ReadonlyArray<readonly [seed: string, title: string]> = [
  ["10100", "[STO4] the indexer is notified of a commit in doubt that became durable"],
  ["12245", "[STO4] the index is rebuilt when the server crashes while it was wiped"],
  ["11512", "[SEC7] a removed member receives no more text of a run"],
  ["10986", "[SYN11] a restart announced during authentication does not count as a failure"],
  ["13541", "[SYN2] a subscription that is cancelled while it is made ends"],
  ["20095", "[SYN2] a topic that is being passivated accepts no subscription"],
  ["20140", "[CON2][CON8] a query behind a catch-up is answered while large replies wait for it"],
  ["141197968", "[STO4] [TOP10] a submission that is published and erased before the index reads on is not stored"]
]

describe("regression seeds", () => {
  for (const [seed, title] of regressions) {
    it.live(
      `${title} (seed ${seed})`,
      () => Effect.map(simulate(seed), ({ violations }) => assert.deepStrictEqual(violations, [])),
      timeoutMillis
    )
  }
})
