/**
 * The lifetime of a session token, and its extensions (AUT2, CON5). Pure: the store reads the clock and
 * writes the rows.
 */
import type { Instant } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"

/** AUT2: when a token issued at `now` expires; its grace period follows. */
export const expiryOf = (now: Instant, limits: Pick<Limits, "sessionTtl">): Instant => now + limits.sessionTtl

/** The first instant at which the token no longer resumes its session: the end of the grace period (AUT2). */
export const resumableUntil = (expiresAt: Instant, limits: Pick<Limits, "sessionGrace">): Instant =>
  expiresAt + limits.sessionGrace

/** AUT2: whether a token that expires at `expiresAt` resumes its session at `now`. */
export const isResumable = (expiresAt: Instant, now: Instant, limits: Pick<Limits, "sessionGrace">): boolean =>
  now < resumableUntil(expiresAt, limits)

/** CON5: the expiry with which a token stays resumable until `until`; an expiry is never brought forward. */
export const expiryForHold = (expiresAt: Instant, until: Instant, limits: Pick<Limits, "sessionGrace">): Instant =>
  Math.max(expiresAt, until - limits.sessionGrace)

/**
 * CON5: until when a session whose connection was lost at `now` must be held, or undefined when its token is valid for
 * the whole resume window anyway.
 */
export const holdAfterLoss = (
  expiresAt: Instant,
  now: Instant,
  limits: Pick<Limits, "sessionGrace" | "resumeWindow">
): Instant | undefined => {
  const until = now + limits.resumeWindow
  return resumableUntil(expiresAt, limits) < until ? until : undefined
}

/**
 * AUT2: whether resuming must rotate the token. One with less than half of its lifetime left would expire soon after its
 * connection was resumed.
 */
export const mustRotateOnResume = (expiresAt: Instant, now: Instant, limits: Pick<Limits, "sessionTtl">): boolean =>
  expiresAt - now < limits.sessionTtl / 2
