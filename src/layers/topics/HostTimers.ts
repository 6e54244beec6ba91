/**
 * The one timer of a topic host, which serves three purposes: the topic's own next timer, a retry after its command could
 * not be stored, and a read of the log's head after a failed append (TOP6).
 */
import { type BackoffPolicy, delay } from "../../domain/protocol/Backoff.ts"
import type { Instant } from "../../domain/protocol/Ids.ts"

/** Milliseconds until a timer's command that could not be queued or stored is sent again. */
const wakeRetryDelay = 1_000
/** From a failed append to the first read of the log's head, and from one failed read to the next. */
const logCheckPolicy: BackoffPolicy = { base: 250, cap: 30_000 }

/** Times are milliseconds since the Unix epoch. */
export class HostTimers {
  private readonly schedule: (at: Instant | undefined) => void
  private readonly now: () => Instant
  private wakeAt: Instant | undefined
  private notBefore: Instant = 0
  private logCheckAt: Instant | undefined
  private failedLogChecks = 0

  constructor(schedule: (at: Instant | undefined) => void, now: () => Instant) {
    this.schedule = schedule
    this.now = now
  }

  /** The topic's own next timer; undefined clears it. */
  setWake(wakeAt: Instant | undefined): void {
    this.wakeAt = wakeAt
    this.reschedule()
  }

  /** A timer's command could not be queued or stored: fires again after a delay, and not before. */
  retryWake(): void {
    this.notBefore = this.now() + wakeRetryDelay
    this.wakeAt ??= this.notBefore
    this.reschedule()
  }

  /** Whether the topic's own timer is due. */
  get isWakeDue(): boolean {
    return this.wakeAt !== undefined && Math.max(this.wakeAt, this.notBefore) <= this.now()
  }

  /** Whether a read of the log's head is due; true once per scheduled read. */
  takeLogCheck(): boolean {
    if (this.logCheckAt === undefined || this.logCheckAt > this.now()) return false
    this.logCheckAt = undefined
    return true
  }

  /** Schedules a read of the log's head while the log may be ahead, later after each one that failed. */
  setMaybeBehindLog(maybeBehindLog: boolean): void {
    if (!maybeBehindLog) {
      this.logCheckAt = undefined
      this.failedLogChecks = 0
    } else if (this.logCheckAt === undefined) {
      this.logCheckAt = this.now() + delay(logCheckPolicy, this.failedLogChecks)
      this.failedLogChecks += 1
      this.reschedule()
    }
  }

  private reschedule(): void {
    const at = Math.min(this.logCheckAt ?? Number.POSITIVE_INFINITY, this.wakeAt ?? Number.POSITIVE_INFINITY)
    this.schedule(at === Number.POSITIVE_INFINITY ? undefined : Math.max(at, this.notBefore))
  }
}
