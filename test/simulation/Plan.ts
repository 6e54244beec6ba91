/** What a seed decides beforehand: the limits of its server, and everything that will go wrong. */
import { defaults, type Limits } from "../../src/domain/Limits.ts"
import type { Dice } from "./Dice.ts"
import type { Cut } from "./Network.ts"

/** One thing that goes wrong, `at` milliseconds from the start. */
export type Fault =
  & { readonly at: number }
  & (
    | { readonly _tag: "Cut"; readonly line: number; readonly how: Cut }
    | { readonly _tag: "Stall"; readonly line: number; readonly side: "up" | "down"; readonly millis: number }
    | { readonly _tag: "Slow"; readonly line: number; readonly bytesPerMilli: number; readonly millis: number }
    | { readonly _tag: "Crash"; readonly silent: boolean; readonly millis: number }
    | { readonly _tag: "Restart"; readonly millis: number }
    | { readonly _tag: "DiskStall"; readonly millis: number }
    | { readonly _tag: "DiskError"; readonly millis: number }
    | { readonly _tag: "DiskFull"; readonly millis: number }
    | { readonly _tag: "DiskDoubt"; readonly millis: number }
    | { readonly _tag: "ModelDown"; readonly millis: number }
    | { readonly _tag: "ClockJump"; readonly millis: number }
    | { readonly _tag: "Offline"; readonly person: number; readonly millis: number }
    | { readonly _tag: "Reload"; readonly person: number }
    | { readonly _tag: "IndexDown"; readonly millis: number }
    | { readonly _tag: "IndexLost" }
    | { readonly _tag: "Drift"; readonly person: number; readonly topic: number }
  )

export interface Plan {
  readonly limits: Limits
  readonly faults: ReadonlyArray<Fault>
  /** Whether the server is replaced by another while everybody is busy and nothing else goes wrong (SYN11). */
  readonly replaced: boolean
}

/** How long people are busy and things go wrong, in milliseconds. */
export const busy = 12_000

const limitsOf = (dice: Dice): Limits => {
  const outboxFold = dice.pick([2_048, 8_192, defaults.outboxFold])
  return {
    ...defaults,
    catchUp: dice.pick([2, 20, defaults.catchUp]),
    snapshotEvery: dice.pick([3, 16, defaults.snapshotEvery]),
    passivateAfter: dice.pick([1_000, 5_000, defaults.passivateAfter]),
    outboxFold,
    outboxMax: outboxFold * dice.pick([16, 64]),
    messagesPerMinute: 300,
    messageBurst: dice.pick([defaults.messageBurst, 100_000]),
    sessionTtl: dice.pick([4_000, defaults.sessionTtl]),
    drainSpread: 500
  }
}

const faultOf = (dice: Dice): Fault => {
  const at = dice.int(300, busy - 500)
  const line = dice.int(0, 1_000)
  const roll = dice.int(0, 99)
  if (roll < 35) {
    return { _tag: "Cut", at, line, how: dice.pick(["both", "both", "client hears", "server hears", "nobody hears"]) }
  }
  if (roll < 45) return { _tag: "Stall", at, line, side: dice.pick(["up", "down"]), millis: dice.int(50, 4_000) }
  if (roll < 53) {
    return { _tag: "Slow", at, line, bytesPerMilli: dice.pick([0.2, 1, 5]), millis: dice.int(500, 6_000) }
  }
  if (roll < 67) return { _tag: "Crash", at, silent: dice.chance(0.2), millis: dice.int(5, 3_000) }
  if (roll < 71) return { _tag: "Restart", at, millis: dice.int(5, 1_000) }
  if (roll < 77) return { _tag: "DiskStall", at, millis: dice.int(50, 3_000) }
  if (roll < 81) return { _tag: "DiskError", at, millis: dice.int(20, 2_000) }
  if (roll < 84) return { _tag: "DiskFull", at, millis: dice.int(100, 3_000) }
  if (roll < 87) return { _tag: "DiskDoubt", at, millis: dice.int(100, 2_000) }
  if (roll < 90) return { _tag: "ModelDown", at, millis: dice.int(500, 5_000) }
  if (roll < 92) return { _tag: "ClockJump", at, millis: dice.int(-3_000, 3_000) }
  const person = dice.int(0, 1_000)
  return roll < 96
    ? { _tag: "Offline", at, person, millis: dice.int(50, 3_000) }
    : { _tag: "Reload", at, person }
}

/** What leaves the server and the network alone. */
const besides = (dice: Dice): Fault => {
  const at = dice.int(300, busy - 500)
  const roll = dice.int(0, 99)
  if (roll < 60) return { _tag: "Drift", at, person: dice.int(0, 1_000), topic: dice.int(0, 1) }
  return roll < 90 ? { _tag: "IndexDown", at, millis: dice.int(50, 3_000) } : { _tag: "IndexLost", at }
}

export const plan = (dice: Dice): Plan => {
  const limits = limitsOf(dice)
  const faults = Array.from({ length: dice.int(2, 12) }, () => faultOf(dice))
  const others = Array.from({ length: dice.int(0, 3) }, () => besides(dice))
  return { limits, faults: [...faults, ...others].sort((a, b) => a.at - b.at), replaced: dice.chance(0.25) }
}

/** A fault in one line. */
export const describe = ({ _tag, at, ...rest }: Fault): string =>
  `${String(at).padStart(6)} ${_tag} ${Object.entries(rest).map(([name, value]) => `${name}=${value}`).join(" ")}`
