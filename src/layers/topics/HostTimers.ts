/**
 * When a host wants to hear the clock: because its topic does, because that
 * could not be stored, or to see whether its log is ahead of it. All of it on
 * the one time that a topic has among `Wakes`.
 */
import type { Instant } from "../../domain/protocol/Ids.ts"

/** Milliseconds until a wake that could not be taken or stored is tried again. */
const wakeRetryDelay = 1_000
/** Milliseconds until the log is looked at after an append that failed; doubled with every look that fails. */
const logCheckDelayMin = 250
const logCheckDelayMax = 30_000

export class HostTimers {
  private readonly schedule: (at: Instant | undefined) => void
  private readonly now: () => Instant
  private wakeAt: Instant | undefined
  private notBefore: Instant = 0
  private logCheckAt: Instant | undefined
  private logChecks = 0

  constructor(schedule: (at: Instant | undefined) => void, now: () => Instant) {
    this.schedule = schedule
    this.now = now
  }

  /** The topic wants to be woken at this time, or not at all. */
  setWake(wakeAt: Instant | undefined): void {
    this.wakeAt = wakeAt
    this.reschedule()
  }

  /** Whatever stood in the way of a wake, it is tried again; nothing is heard before. */
  retryWake(): void {
    this.notBefore = this.now() + wakeRetryDelay
    this.wakeAt ??= this.notBefore
    this.reschedule()
  }

  /** Whether the topic's time has come. */
  get isWakeDue(): boolean {
    return this.wakeAt !== undefined && Math.max(this.wakeAt, this.notBefore) <= this.now()
  }

  /** Whether it is time to look at the log; once for each time. */
  takeLogCheck(): boolean {
    if (this.logCheckAt === undefined || this.logCheckAt > this.now()) return false
    this.logCheckAt = undefined
    return true
  }

  /** The log may be ahead, or is known not to be. Whoever has looked in vain looks later each time. */
  setMaybeBehindLog(maybeBehindLog: boolean): void {
    if (!maybeBehindLog) {
      this.logCheckAt = undefined
      this.logChecks = 0
    } else if (this.logCheckAt === undefined) {
      this.logCheckAt = this.now() + Math.min(logCheckDelayMax, logCheckDelayMin * 2 ** this.logChecks)
      this.logChecks += 1
      this.reschedule()
    }
  }

  private reschedule(): void {
    const at = Math.min(this.logCheckAt ?? Number.POSITIVE_INFINITY, this.wakeAt ?? Number.POSITIVE_INFINITY)
    this.schedule(at === Number.POSITIVE_INFINITY ? undefined : Math.max(at, this.notBefore))
  }
}
