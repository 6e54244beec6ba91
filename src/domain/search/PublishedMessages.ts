/** What a thread has published, read from its events: the text that can be searched for (STO4). */
import type { CommandId, Instant, TopicId, UserId } from "../protocol/Ids.ts"
import type * as ThreadModel from "../thread/ThreadModel.ts"

/** A message as it became visible to readers of the thread. */
export interface PublishedMessage {
  readonly thread: TopicId
  readonly message: CommandId
  readonly author: UserId
  readonly content: string
  readonly visibility: ThreadModel.Visibility
  readonly log_seq: number
  readonly created_at: Instant
}

/** What has to be known of earlier events: whether readers are restricted, and which submissions wait for their vote. */
export interface PublicationState {
  readonly visibility: ThreadModel.Visibility
  readonly openSubmissions: ReadonlyMap<CommandId, { readonly author: UserId; readonly content: string }>
}

/** Members only until the thread says otherwise. */
export const initial: PublicationState = { visibility: "members", openSubmissions: new Map() }

/** One event further; the text it publishes, if it does. */
export const step = (
  state: PublicationState,
  entry: { readonly topic: TopicId; readonly seq: number },
  event: ThreadModel.Event
): readonly [state: PublicationState, text: PublishedMessage | undefined] => {
  const toMessage = (message: CommandId, author: UserId, content: string, at: Instant): PublishedMessage => ({
    thread: entry.topic,
    message,
    author,
    content,
    visibility: state.visibility,
    log_seq: entry.seq,
    created_at: at
  })
  switch (event._tag) {
    case "ThreadCreated":
      return [{ ...state, visibility: event.visibility }, undefined]
    case "MessagePublished":
      return [state, toMessage(event.id, event.author, event.content, event.at)]
    case "SubmissionOpened":
      return [{ ...state, openSubmissions: new Map(state.openSubmissions).set(event.id, event) }, undefined]
    case "SubmissionSettled": {
      const submission = state.openSubmissions.get(event.id)
      const openSubmissions = new Map(state.openSubmissions)
      openSubmissions.delete(event.id)
      return [
        { ...state, openSubmissions },
        submission === undefined || event.outcome !== "approved"
          ? undefined
          : toMessage(event.id, submission.author, submission.content, event.at)
      ]
    }
    default:
      return [state, undefined]
  }
}
