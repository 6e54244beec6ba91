/**
 * Whether an authenticated connection may stay, beside the other connections of its user (AUT7, SEC24). Connections are
 * compared by epoch, a number that grows with each connection the server accepts.
 */
import type { UserId } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"

/**
 * The outcome of a sign-in. Unless it is superseded, the other connection of its client instance, if any, is closed.
 *
 * - `Admitted`: the connection stays.
 * - `Superseded`: a newer connection of the same client instance is open, so that this one is closed.
 * - `OverQuota`: the user has as many other connections as allowed, so that this one is closed.
 */
export type SignInAdmission = "Admitted" | "Superseded" | "OverQuota"

/** The facts that a sign-in is decided on. */
export interface SignInRequest {
  /** The epoch of the connection that signed in. */
  readonly epoch: number
  /** The epoch of the connection that this client instance has already; undefined if it has none. */
  readonly existingEpoch: number | undefined
  /** Signed-in connections of the user, that one included and the new one excluded. */
  readonly connectionCount: number
}

/** AUT7: of two connections of one client instance the newer one stays. SEC24: a user has at most `connectionsPerUser`. */
export const admitSignIn = (
  { connectionCount, epoch, existingEpoch }: SignInRequest,
  limits: Pick<Limits, "connectionsPerUser">
): SignInAdmission => {
  if (existingEpoch !== undefined && existingEpoch > epoch) return "Superseded"
  const others = existingEpoch === undefined ? connectionCount : connectionCount - 1
  return others < limits.connectionsPerUser ? "Admitted" : "OverQuota"
}

/** AUT7: the key of a client instance. It is the user's own: two users with one `client_id` are two instances. */
export const instanceKeyOf = (user: UserId, clientId: string): string => `${user} ${clientId}`
