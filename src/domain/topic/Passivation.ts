/** When a topic leaves memory (ROO8). */

/** The current uses of a topic in memory. */
export interface TopicUse {
  readonly subscribers: number
  readonly runningIntents: number
  readonly queuedMessages: number
  /** An append failed, and the log was not read since: events may be there that must still be published (TOP6). */
  readonly maybeBehindLog: boolean
}

/** ROO8: whether a topic may leave memory without a message, an intent or an event being lost. */
export const isUnused = ({ maybeBehindLog, queuedMessages, runningIntents, subscribers }: TopicUse): boolean =>
  subscribers === 0 && runningIntents === 0 && queuedMessages === 0 && !maybeBehindLog

/** ROO8: whether an unused topic has been idle for `passivateAfter`. All times in milliseconds. */
export const isIdle = (lastActivityAt: number, now: number, passivateAfter: number): boolean =>
  now - lastActivityAt >= passivateAfter
