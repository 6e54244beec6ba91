/**
 * Which session a session was rotated from, for as long as the older token still resumes, so that revoking the newer
 * one revokes both (SEC7). Sessions are named by the hashes of their tokens.
 */
import { HashMap, Option } from "effect"

/** By session id, the id of its predecessor. Immutable. */
export type SessionFamilies = HashMap.HashMap<string, string>

/** No session has been rotated. */
export const noFamilies: SessionFamilies = HashMap.empty()

/** Records that `successor` replaced `predecessor`. */
export const recordRotation = (families: SessionFamilies, predecessor: string, successor: string): SessionFamilies =>
  HashMap.set(families, successor, predecessor)

/** Removes the record of a rotation; called when the predecessor's grace period has ended. */
export const forgetRotation = (families: SessionFamilies, successor: string): SessionFamilies =>
  HashMap.remove(families, successor)

/** SEC7: every session whose token must be revoked with `session`: itself, and the predecessors in their grace period. */
export const revokedWith = (families: SessionFamilies, session: string): ReadonlyArray<string> => {
  const revoked = [session]
  for (;;) {
    const predecessor = Option.getOrUndefined(HashMap.get(families, revoked.at(-1)!))
    if (predecessor === undefined) return revoked
    revoked.push(predecessor)
  }
}
