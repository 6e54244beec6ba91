/** The text that a thread's events publish, and so that can be searched for (STO4): a fold over the log. */
import type { CommandId, Instant, TopicId, UserId } from "../protocol/Ids.ts"
import type * as ThreadModel from "../thread/ThreadModel.ts"
import type { SealedText } from "../topic/SealedText.ts"

/** A message when it became visible to the readers of its thread. */
export interface PublishedMessage {
  readonly thread: TopicId
  readonly message: CommandId
  readonly author: UserId
  /** The owner of the agent that wrote it (AUT8). */
  readonly owner?: UserId
  readonly content: SealedText
  readonly visibility: ThreadModel.Visibility
  readonly log_seq: number
  /** The seq of the event that holds the text. */
  readonly text_seq: number
  readonly created_at: Instant
}

type WrittenText = Pick<PublishedMessage, "author" | "owner" | "content" | "text_seq">

/** The fold's state: who may read the thread, and the submissions that are being voted on. */
export interface PublicationState {
  readonly visibility: ThreadModel.Visibility
  readonly openSubmissions: ReadonlyMap<CommandId, WrittenText>
}

/** Before the first event: readable by members only. */
export const initial: PublicationState = { visibility: "members", openSubmissions: new Map() }

/** STO4: the state after an event, and the message that the event publishes. */
export const step = (
  state: PublicationState,
  entry: { readonly topic: TopicId; readonly seq: number },
  event: ThreadModel.Event
): readonly [state: PublicationState, text: PublishedMessage | undefined] => {
  const toMessage = (
    message: CommandId,
    { author, content, owner, text_seq }: WrittenText,
    at: Instant
  ): PublishedMessage => ({
    thread: entry.topic,
    message,
    author,
    ...(owner === undefined ? undefined : { owner }),
    content,
    visibility: state.visibility,
    log_seq: entry.seq,
    text_seq,
    created_at: at
  })
  switch (event._tag) {
    case "ThreadCreated":
      return [{ ...state, visibility: event.visibility }, undefined]
    case "MessagePublished":
      return [state, toMessage(event.id, { ...event, text_seq: entry.seq }, event.at)]
    case "SubmissionOpened":
      return [{
        ...state,
        openSubmissions: new Map(state.openSubmissions).set(event.id, { ...event, text_seq: entry.seq })
      }, undefined]
    case "SubmissionSettled": {
      const submission = state.openSubmissions.get(event.id)
      const openSubmissions = new Map(state.openSubmissions)
      openSubmissions.delete(event.id)
      return [
        { ...state, openSubmissions },
        submission === undefined || event.outcome !== "approved"
          ? undefined
          : toMessage(event.id, submission, event.at)
      ]
    }
    default:
      return [state, undefined]
  }
}
