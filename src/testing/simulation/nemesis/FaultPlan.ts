/**
 * The fault plan of a seed, drawn before the run: the server's limits and every fault with its instant. It is data, so
 * that a failing plan can be printed, replayed and shrunk.
 */
import { defaults, type Limits } from "../../../domain/protocol/Limits.ts"
import type { DisconnectMode } from "../cluster/SimulatedNetwork.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"

/** One fault, `at` milliseconds from the start. */
export type Fault =
  & { readonly at: number }
  & (
    | { readonly _tag: "Cut"; readonly connection: number; readonly how: DisconnectMode }
    | { readonly _tag: "Stall"; readonly connection: number; readonly side: "up" | "down"; readonly millis: number }
    | { readonly _tag: "Slow"; readonly connection: number; readonly bytesPerMilli: number; readonly millis: number }
    | { readonly _tag: "Crash"; readonly silent: boolean; readonly millis: number }
    | { readonly _tag: "Restart"; readonly millis: number }
    | { readonly _tag: "DiskStall"; readonly millis: number }
    | { readonly _tag: "DiskError"; readonly millis: number }
    | { readonly _tag: "DiskFull"; readonly millis: number }
    | { readonly _tag: "AmbiguousCommit"; readonly millis: number }
    | { readonly _tag: "ModelDown"; readonly millis: number }
    | { readonly _tag: "ClockJump"; readonly millis: number }
    | { readonly _tag: "Offline"; readonly user: number; readonly millis: number }
    | { readonly _tag: "Reload"; readonly user: number }
    | { readonly _tag: "IndexDown"; readonly millis: number }
    | { readonly _tag: "IndexLost" }
    | { readonly _tag: "CorruptReplica"; readonly user: number; readonly topic: number }
  )

/** Everything that a seed decides about the environment. */
export interface FaultPlan {
  readonly limits: Limits
  readonly faults: ReadonlyArray<Fault>
  /** Whether a rolling restart under load, without other faults, ends the fault phase (SYN11). */
  readonly rollingRestart: boolean
}

/** Duration of the workload and of the faults, in milliseconds. */
export const faultPhaseMillis = 12_000

const drawLimits = (random: SeededRandom): Limits => {
  const outboxFold = random.pick([2_048, 8_192, defaults.outboxFold])
  return {
    ...defaults,
    catchUp: random.pick([2, 20, defaults.catchUp]),
    snapshotEvery: random.pick([3, 16, defaults.snapshotEvery]),
    passivateAfter: random.pick([1_000, 5_000, defaults.passivateAfter]),
    outboxFold,
    outboxMax: outboxFold * random.pick([16, 64]),
    messagesPerMinute: 300,
    // The workload prompts more often than people do, and every command has to be answered soon after the faults.
    promptCost: 1,
    messageBurst: random.pick([defaults.messageBurst, 100_000]),
    sessionTtl: random.pick([4_000, defaults.sessionTtl]),
    drainSpread: 500
  }
}

const drawFault = (random: SeededRandom): Fault => {
  const at = random.int(300, faultPhaseMillis - 500)
  const connection = random.int(0, 1_000)
  const roll = random.int(0, 99)
  if (roll < 35) {
    return {
      _tag: "Cut",
      at,
      connection,
      how: random.pick(["both", "both", "client notified", "server notified", "silent"])
    }
  }
  if (roll < 45) {
    return { _tag: "Stall", at, connection, side: random.pick(["up", "down"]), millis: random.int(50, 4_000) }
  }
  if (roll < 53) {
    return { _tag: "Slow", at, connection, bytesPerMilli: random.pick([0.2, 1, 5]), millis: random.int(500, 6_000) }
  }
  if (roll < 67) return { _tag: "Crash", at, silent: random.chance(0.2), millis: random.int(5, 3_000) }
  if (roll < 71) return { _tag: "Restart", at, millis: random.int(5, 1_000) }
  if (roll < 77) return { _tag: "DiskStall", at, millis: random.int(50, 3_000) }
  if (roll < 81) return { _tag: "DiskError", at, millis: random.int(20, 2_000) }
  if (roll < 84) return { _tag: "DiskFull", at, millis: random.int(100, 3_000) }
  if (roll < 87) return { _tag: "AmbiguousCommit", at, millis: random.int(100, 2_000) }
  if (roll < 90) return { _tag: "ModelDown", at, millis: random.int(500, 5_000) }
  if (roll < 92) return { _tag: "ClockJump", at, millis: random.int(-3_000, 3_000) }
  const user = random.int(0, 1_000)
  return roll < 96
    ? { _tag: "Offline", at, user, millis: random.int(50, 3_000) }
    : { _tag: "Reload", at, user }
}

/** A fault of a replica or of the index, which leaves the server and the network alone. */
const drawSecondaryFault = (random: SeededRandom): Fault => {
  const at = random.int(300, faultPhaseMillis - 500)
  const roll = random.int(0, 99)
  if (roll < 60) return { _tag: "CorruptReplica", at, user: random.int(0, 1_000), topic: random.int(0, 1) }
  return roll < 90 ? { _tag: "IndexDown", at, millis: random.int(50, 3_000) } : { _tag: "IndexLost", at }
}

/** Draws the plan of a seed. */
export const drawFaultPlan = (random: SeededRandom): FaultPlan => {
  const limits = drawLimits(random)
  const faults = Array.from({ length: random.int(2, 12) }, () => drawFault(random))
  const secondaryFaults = Array.from({ length: random.int(0, 3) }, () => drawSecondaryFault(random))
  return {
    limits,
    faults: [...faults, ...secondaryFaults].sort((a, b) => a.at - b.at),
    rollingRestart: random.chance(0.25)
  }
}

/** A fault as one line of text. */
export const describeFault = ({ _tag, at, ...rest }: Fault): string =>
  `${String(at).padStart(6)} ${_tag} ${Object.entries(rest).map(([name, value]) => `${name}=${value}`).join(" ")}`
