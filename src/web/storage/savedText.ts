/**
 * What a user has written and the server has not confirmed, in `localStorage`: drafts, and commands without a receipt. It
 * outlives a reload, a closed tab and a crash of the browser; removing the key removes it.
 */
import { Option, Schema } from "effect"
import { CommandId, Instant, TopicId, type UserId } from "../../domain/protocol/Ids.ts"
import { Command } from "../../domain/thread/ThreadModel.ts"

/** Uses the browser's storage. One that blocks it, or is full, keeps nothing. */
const withStorage = <A>(use: (storage: Storage) => A): A | undefined => {
  try {
    return use(localStorage)
  } catch {
    return undefined
  }
}

const draftPrefix = (me: UserId) => `choir:draft:${me}:`
const pendingPrefix = (me: UserId) => `choir:pending:${me}:`

/** A text in the composer, and whether it is a question to the Chorus. */
export const Draft = Schema.Struct({ text: Schema.String, isAsking: Schema.Boolean })
export type Draft = typeof Draft.Type

const DraftText = Schema.fromJsonString(Draft)
const decodeDraft = Schema.decodeUnknownOption(DraftText)
const encodeDraft = Schema.encodeSync(DraftText)

/** The draft of a user in a thread; empty if there is none. */
export const readDraft = (me: UserId, topic: TopicId): Draft =>
  Option.getOrElse(
    decodeDraft(withStorage((storage) => storage.getItem(draftPrefix(me) + topic))),
    () => ({ text: "", isAsking: false })
  )

/** Saves a draft; an empty one is removed. */
export const saveDraft = (me: UserId, topic: TopicId, draft: Draft): void =>
  withStorage((storage) =>
    draft.text === ""
      ? storage.removeItem(draftPrefix(me) + topic)
      : storage.setItem(draftPrefix(me) + topic, encodeDraft(draft))
  )

/** A command without a receipt; sent again under the same id and salt it takes effect once. */
export const PendingCommand = Schema.Struct({
  id: CommandId,
  salt: Schema.String,
  topic: TopicId,
  command: Schema.toEncoded(Command),
  at: Instant
})
export type PendingCommand = typeof PendingCommand.Type

const PendingText = Schema.fromJsonString(PendingCommand)
const decodePending = Schema.decodeUnknownOption(PendingText)
const encodePending = Schema.encodeSync(PendingText)

/** Saves a command until `removePending`, if the browser allows it: `isSaved` tells. */
export const savePending = (me: UserId, pending: PendingCommand): void =>
  withStorage((storage) => storage.setItem(pendingPrefix(me) + pending.id, encodePending(pending)))

/** Forgets a command that was answered. */
export const removePending = (me: UserId, id: CommandId): void =>
  withStorage((storage) => storage.removeItem(pendingPrefix(me) + id))

/** Whether a command is saved. */
export const isSaved = (me: UserId, id: string): boolean =>
  withStorage((storage) => storage.getItem(pendingPrefix(me) + id) !== null) ?? false

const savedKeys = (storage: Storage, prefix: string): ReadonlyArray<string> =>
  Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "").filter((key) => key.startsWith(prefix))

/** The saved commands of a user, in the order in which they were written. */
export const listPending = (me: UserId): ReadonlyArray<PendingCommand> =>
  (withStorage((storage) =>
    savedKeys(storage, pendingPrefix(me)).flatMap((key) => Option.toArray(decodePending(storage.getItem(key))))
  ) ?? []).toSorted((a, b) => a.at - b.at)

/** Removes the drafts and commands of a user. */
export const clearSaved = (me: UserId): void =>
  withStorage((storage) => {
    for (const key of [...savedKeys(storage, draftPrefix(me)), ...savedKeys(storage, pendingPrefix(me))]) {
      storage.removeItem(key)
    }
  })
