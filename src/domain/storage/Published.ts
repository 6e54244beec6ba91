/** What a thread has published, read from its events: the text that can be searched for (STO4). */
import type { CommandId, Instant, TopicId, UserId } from "../Ids.ts"
import type * as ThreadModel from "../kinds/ThreadModel.ts"

/** A message as it became visible to readers of the thread. */
export interface Text {
  readonly thread: TopicId
  readonly message: CommandId
  readonly author: UserId
  readonly content: string
  readonly visibility: ThreadModel.Visibility
  readonly log_seq: number
  readonly created_at: Instant
}

/** What has to be known of earlier events: whether readers are restricted, and which submissions wait for their vote. */
export interface State {
  readonly visibility: ThreadModel.Visibility
  readonly open: ReadonlyMap<CommandId, { readonly author: UserId; readonly content: string }>
}

/** Members only until the thread says otherwise. */
export const initial: State = { visibility: "members", open: new Map() }

/** One event further; the text it publishes, if it does. */
export const step = (
  state: State,
  entry: { readonly topic: TopicId; readonly seq: number },
  event: ThreadModel.Event
): readonly [state: State, text: Text | undefined] => {
  const text = (message: CommandId, author: UserId, content: string, at: Instant): Text => ({
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
      return [state, text(event.id, event.author, event.content, event.at)]
    case "SubmissionOpened":
      return [{ ...state, open: new Map(state.open).set(event.id, event) }, undefined]
    case "SubmissionSettled": {
      const submission = state.open.get(event.id)
      const open = new Map(state.open)
      open.delete(event.id)
      return [
        { ...state, open },
        submission === undefined || event.outcome !== "approved"
          ? undefined
          : text(event.id, submission.author, submission.content, event.at)
      ]
    }
    default:
      return [state, undefined]
  }
}
