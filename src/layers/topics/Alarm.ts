/**
 * When a host wants to hear the clock: because its topic does, because that
 * could not be stored, or to see whether its log is ahead of it. All of it on
 * the one time that a topic has among `Wakes`.
 */
import type { Instant } from "../../domain/Ids.ts"

/** Milliseconds until a wake that could not be taken or stored is tried again. */
const retryWake = 1_000
/** Milliseconds until the log is looked at after an append that failed; doubled with every look that fails. */
const firstLook = 250
const longestLook = 30_000

export class Alarm {
  private readonly arm: (at: Instant | undefined) => void
  private readonly now: () => Instant
  private wakeAt: Instant | undefined
  private notBefore: Instant = 0
  private lookAt: Instant | undefined
  private looks = 0

  constructor(arm: (at: Instant | undefined) => void, now: () => Instant) {
    this.arm = arm
    this.now = now
  }

  /** The topic wants to be woken at this time, or not at all. */
  set(wakeAt: Instant | undefined): void {
    this.wakeAt = wakeAt
    this.again()
  }

  /** Whatever stood in the way of a wake, it is tried again; nothing is heard before. */
  retry(): void {
    this.notBefore = this.now() + retryWake
    this.wakeAt ??= this.notBefore
    this.again()
  }

  /** Whether the topic's time has come. */
  get wakes(): boolean {
    return this.wakeAt !== undefined && Math.max(this.wakeAt, this.notBefore) <= this.now()
  }

  /** Whether it is time to look at the log; once for each time. */
  takeLook(): boolean {
    if (this.lookAt === undefined || this.lookAt > this.now()) return false
    this.lookAt = undefined
    return true
  }

  /** The log may be ahead, or is known not to be. Whoever has looked in vain looks later each time. */
  doubt(doubtful: boolean): void {
    if (!doubtful) {
      this.lookAt = undefined
      this.looks = 0
    } else if (this.lookAt === undefined) {
      this.lookAt = this.now() + Math.min(longestLook, firstLook * 2 ** this.looks)
      this.looks += 1
      this.again()
    }
  }

  private again(): void {
    const at = Math.min(this.lookAt ?? Number.POSITIVE_INFINITY, this.wakeAt ?? Number.POSITIVE_INFINITY)
    this.arm(at === Number.POSITIVE_INFINITY ? undefined : Math.max(at, this.notBefore))
  }
}
