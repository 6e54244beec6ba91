/**
 * What a user has written and the server has not confirmed: drafts, commands without a receipt, and texts that were not
 * accepted. In `localStorage`, where it outlives a reload, a closed tab and a crash of the browser; a browser that stores
 * nothing keeps it until the page is closed. Removing the key removes it.
 */
import { Effect, Option, Schema } from "effect"
import { CommandId, Instant, TopicId, type UserId } from "../../domain/protocol/Ids.ts"
import { threadLimits } from "../../domain/thread/ThreadGuards.ts"
import { Command } from "../../domain/thread/ThreadModel.ts"
import {
  draftPrefix,
  itemKeys,
  onItemChange,
  pendingPrefix,
  readItem,
  rejectedPrefix,
  removeItem,
  writeItem
} from "./textStorage.ts"

// -- Drafts --

const minimumStake = String(threadLimits.minimumStake)

/** The content of the composer. */
export const Draft = Schema.Struct({
  text: Schema.String,
  /** Whether it is a question to the Chorus. */
  isAsking: Schema.Boolean,
  /** The text of the stake's field. */
  stake: Schema.String.pipe(Schema.withDecodingDefault(Effect.succeed(minimumStake)))
})
export type Draft = typeof Draft.Type

/** Nothing written, and nothing chosen. */
export const emptyDraft: Draft = { text: "", isAsking: false, stake: minimumStake }

const DraftText = Schema.fromJsonString(Draft)
const decodeDraft = Schema.decodeUnknownOption(DraftText)
const encodeDraft = Schema.encodeSync(DraftText)

/** The draft of a user in a thread; empty if there is none. */
export const readDraft = (me: UserId, topic: TopicId): Draft =>
  Option.getOrElse(decodeDraft(readItem(draftPrefix(me) + topic)), () => emptyDraft)

/** Saves a draft; one without a text and a mode is removed. */
export const saveDraft = (me: UserId, topic: TopicId, draft: Draft): void =>
  draft.text === "" && !draft.isAsking
    ? removeItem(draftPrefix(me) + topic)
    : writeItem(draftPrefix(me) + topic, encodeDraft(draft))

/** Calls back when another tab has saved this draft. Returns the unsubscribe. */
export const onDraftSaved = (me: UserId, topic: TopicId, listener: () => void): () => void =>
  onItemChange(draftPrefix(me) + topic, listener)

// -- Commands without a receipt --

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

/** Saves a command until `removePending`. */
export const savePending = (me: UserId, pending: PendingCommand): void =>
  writeItem(pendingPrefix(me) + pending.id, encodePending(pending))

/** Forgets a command that was answered; false if another tab already has, or the user's texts were removed. */
export const removePending = (me: UserId, id: CommandId): boolean => {
  const key = pendingPrefix(me) + id
  const wasSaved = readItem(key) !== null
  removeItem(key)
  return wasSaved
}

const listSaved = <A extends { readonly at: number }>(
  prefix: string,
  decode: (text: unknown) => Option.Option<A>
): ReadonlyArray<A> =>
  itemKeys(prefix).flatMap((key) => Option.toArray(decode(readItem(key)))).toSorted((a, b) => a.at - b.at)

/** The saved commands of a user, in the order in which they were written. */
export const listPending = (me: UserId): ReadonlyArray<PendingCommand> => listSaved(pendingPrefix(me), decodePending)

// -- Texts that were not accepted --

/** A text that the server has rejected, or that its author has set aside for another one. */
export const RejectedText = Schema.Struct({
  id: CommandId,
  topic: TopicId,
  draft: Draft,
  /** The server's sentence; null for one that was set aside. */
  reason: Schema.NullOr(Schema.String),
  at: Instant
})
export type RejectedText = typeof RejectedText.Type

const RejectedJson = Schema.fromJsonString(RejectedText)
const decodeRejected = Schema.decodeUnknownOption(RejectedJson)
const encodeRejected = Schema.encodeSync(RejectedJson)

const rejectedListeners = new Set<() => void>()
const notifyRejected = (): void => {
  for (const listener of rejectedListeners) listener()
}

/** Keeps a text that was not accepted until `removeRejected`. */
export const saveRejected = (me: UserId, rejected: RejectedText): void => {
  writeItem(rejectedPrefix(me) + rejected.id, encodeRejected(rejected))
  notifyRejected()
}

/** Forgets a text that was not accepted. */
export const removeRejected = (me: UserId, id: CommandId): void => {
  removeItem(rejectedPrefix(me) + id)
  notifyRejected()
}

/** The texts of a user that were not accepted in a thread, in the order in which they were written. */
export const listRejected = (me: UserId, topic: TopicId): ReadonlyArray<RejectedText> =>
  listSaved(rejectedPrefix(me), decodeRejected).filter((rejected) => rejected.topic === topic)

/** Calls back when the list of a user's rejected texts has changed, also by another tab. Returns the unsubscribe. */
export const onRejectedChange = (me: UserId, listener: () => void): () => void => {
  rejectedListeners.add(listener)
  const unsubscribe = onItemChange(rejectedPrefix(me), listener)
  return () => {
    rejectedListeners.delete(listener)
    unsubscribe()
  }
}

/** Removes all that is saved of a user. */
export const clearSaved = (me: UserId): void => {
  for (const prefix of [draftPrefix(me), pendingPrefix(me), rejectedPrefix(me)]) itemKeys(prefix).forEach(removeItem)
  notifyRejected()
}
