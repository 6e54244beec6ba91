/**
 * The tokens of one sign-in (AUT2, SEC7). A token is replaced by its successor when it is renewed; all of them are one
 * family, which has one row, and of which one token is current. Pure: the store makes tokens, reads the clock and writes
 * the row.
 *
 * ```text
 *   sign-in --> current --renewed--> rotated --grace ended--> used up
 *               resumes the          the client instance that renewed it     shown: the family is revoked
 *               session              gets the same successor again;
 *                                    shown by anybody else: the family is revoked
 * ```
 *
 * A rotated token that is shown again by somebody else was stolen, or its thief renewed it first (RFC 9700, 4.14.2): which
 * of the two holds the current token is not known, so that all tokens end. While a rotated token is in its grace period,
 * renewing its successor extends it instead of rotating it, so that a family never has more than one such token.
 */
import type { Instant, UserId } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import * as SessionLifetime from "./SessionLifetime.ts"

/** The predecessor of the current token. */
export interface Rotation {
  /** The hash of the predecessor. */
  readonly tokenHash: string
  /** The random key with which the predecessor's successor is derived again. Without the predecessor it opens nothing. */
  readonly successorKey: string
  /** The client instance that renewed the predecessor; null if it named none, so that nobody is known to be the same. */
  readonly instance: string | null
  /** When it was renewed. Its grace period starts then. */
  readonly at: Instant
}

/** A family: its id, its user, the hash of its current token and when that expires. */
export interface SessionFamily {
  readonly id: string
  readonly user: UserId
  readonly tokenHash: string
  readonly expiresAt: Instant
  /** Null until the first renewal. */
  readonly rotation: Rotation | null
}

/** A token of a family as a client shows it, with the client instance that shows it; null if it names none. */
export interface ShownToken {
  readonly tokenHash: string
  readonly instance: string | null
}

/**
 * What a shown token is to its family.
 *
 * - `Current`: it resumes the session.
 * - `Repeated`: its successor resumes the session, and is derived again by `successorKey`.
 * - `Ended`: the family has expired.
 * - `Reused`: it was used up, or shown by another instance: the family must be revoked.
 */
export type TokenStatus =
  | { readonly _tag: "Current" }
  | { readonly _tag: "Repeated"; readonly successorKey: string }
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Reused" }

type Grace = Pick<Limits, "sessionGrace">

/** AUT2, SEC7: what a shown token is to its family. A token of an unknown hash is one that was used up earlier. */
export const tokenStatus = (
  { expiresAt, rotation, tokenHash }: SessionFamily,
  shown: ShownToken,
  now: Instant,
  limits: Grace
): TokenStatus => {
  if (!SessionLifetime.isResumable(expiresAt, now, limits)) return { _tag: "Ended" }
  if (shown.tokenHash === tokenHash) return { _tag: "Current" }
  return rotation !== null && shown.tokenHash === rotation.tokenHash && isInGrace(rotation, now, limits) &&
      shown.instance !== null && shown.instance === rotation.instance
    ? { _tag: "Repeated", successorKey: rotation.successorKey }
    : { _tag: "Reused" }
}

const isInGrace = ({ at }: Rotation, now: Instant, limits: Grace): boolean =>
  now < SessionLifetime.resumableUntil(at, limits)

/** AUT2: whether renewing the current token rotates it. While its predecessor is in its grace period, it is extended. */
export const mustRotate = ({ rotation }: SessionFamily, now: Instant, limits: Grace): boolean =>
  rotation === null || !isInGrace(rotation, now, limits)

/** AUT2: the family after its current token, shown by `instance`, was replaced by a successor. */
export const rotate = (
  family: SessionFamily,
  successor: { readonly tokenHash: string; readonly successorKey: string },
  instance: string | null,
  now: Instant,
  limits: Pick<Limits, "sessionTtl">
): SessionFamily => ({
  ...extend(family, now, limits),
  tokenHash: successor.tokenHash,
  rotation: { tokenHash: family.tokenHash, successorKey: successor.successorKey, instance, at: now }
})

/** AUT2: the family with a full lifetime from `now`; never a shorter one than it has (CON5). */
export const extend = (family: SessionFamily, now: Instant, limits: Pick<Limits, "sessionTtl">): SessionFamily => ({
  ...family,
  expiresAt: Math.max(family.expiresAt, SessionLifetime.expiryOf(now, limits))
})

/** CON5: the family, held for resumption until `until` at least. */
export const hold = (family: SessionFamily, until: Instant, limits: Grace): SessionFamily => ({
  ...family,
  expiresAt: SessionLifetime.expiryForHold(family.expiresAt, until, limits)
})
