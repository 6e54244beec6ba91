/**
 * Access to a topic. A topic that is not in memory is not loaded for a user who may not read it, so that
 * "forbidden" and "not existing" take the same time and get the same answer (SEC9, AUT4). And the readers of a topic:
 * whether text of one topic may be shown in another (CHO13).
 */
import { Result } from "effect"
import { type Author, isUser } from "../protocol/Ids.ts"
import { notFound } from "../protocol/Rejection.ts"
import type { AnyKind, Listing } from "./Topic.ts"

/** The answer to a user who may not read a topic, whether it exists or not (AUT4). */
export const noAccessRejection = notFound

/** The decision on a message: admitted, rejected, or admitted if its command was applied before. */
export type AccessVerdict = "Admit" | "Reject" | "AdmitIfProcessed"

/** Whether a topic of this kind is closed to authors that its directory entry does not name. */
export const isRestricted = (kind: AnyKind, author: Author): boolean =>
  kind.creationCommands !== undefined && isUser(author)

/**
 * SEC9: a user who may not read the topic gets through with a command that creates topics, and with one that was applied
 * before, since its author may have left since and is still due the receipt (SYN4). `input` is undefined for a message
 * that is no command.
 */
export const checkAccess = (
  kind: AnyKind,
  author: Author,
  mayRead: boolean,
  input: unknown
): AccessVerdict => {
  if (mayRead || !isRestricted(kind, author)) return "Admit"
  if (input === undefined) return "Reject"
  return createsTopic(kind, input) ? "Admit" : "AdmitIfProcessed"
}

const createsTopic = ({ creationCommands }: AnyKind, input: unknown): boolean =>
  // Every command and answer is tagged, by the kind's contract.
  creationCommands?.has((input as { readonly _tag: string })._tag) === true

/** AUT4: whether the kind lets an author read the state. A kind that throws admits no reader. */
export const mayRead = (kind: AnyKind, state: unknown, reader: Author): boolean =>
  Result.getOrElse(Result.try(() => kind.canRead(state, reader)), () => false)

/** SEC9: whether an author may learn that a topic exists, and which ids are used in it. */
export const isVisibleTo = (kind: AnyKind, state: unknown, author: Author): boolean =>
  !isRestricted(kind, author) || mayRead(kind, state, author)

/** Who may read a topic: everyone if it is public, else its members (THR10). */
export type Readers = Pick<Listing, "visibility" | "members">

/** Whether a user is among the readers of a topic that is in lists. */
export const isReader = ({ members, visibility }: Readers, user: Author): boolean =>
  visibility === "public" || members.includes(user)

/** CHO13: whether all of `readers` may read a topic that has the readers `others`. */
export const canAllRead = (readers: Readers, others: Readers): boolean => {
  if (others.visibility === "public") return true
  if (readers.visibility === "public") return false
  const members = new Set(others.members)
  return readers.members.every((member) => members.has(member))
}
