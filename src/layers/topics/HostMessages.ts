/** The messages in a host's queue, and the batches in which a host takes them. */
import { Result } from "effect"
import type { Author, Position } from "../../domain/protocol/Ids.ts"
import { makeRejection, type Rejection } from "../../domain/protocol/Rejection.ts"
import type { Receipt } from "../../domain/topic/Deduplication.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { CatchUp, CommandRequest, Subscriber } from "../../services/Topics.ts"

/** A command in the queue. */
export interface SubmitMessage {
  readonly _tag: "Submit"
  readonly request: CommandRequest
  /** Set by the one reply (SYN5). */
  replied: boolean
}

/** A topic as it is read by this process. */
export interface TopicView {
  readonly kind: AnyKind
  readonly state: unknown
  readonly mayRead: (reader: Author) => boolean
}

/** Everything a host takes from its queue. */
export type HostMessage =
  | SubmitMessage
  | {
    readonly _tag: "Subscribe"
    readonly subscriber: Subscriber
    readonly from: Position | undefined
    readonly reply: (outcome: Result.Result<CatchUp, Rejection>) => void
  }
  | { readonly _tag: "Unsubscribe"; readonly id: string }
  | {
    readonly _tag: "ReadTopic"
    /** On whose behalf; undefined for a caller that discloses nothing of the state. */
    readonly reader: Author | undefined
    readonly reply: (view: Result.Result<TopicView, Rejection>) => void
  }
  /** The topic's timer has fired. */
  | { readonly _tag: "TimerFired" }
  /** Leave memory, if the topic is still unused. */
  | { readonly _tag: "Passivate" }

/** A retryable rejection: the server cannot decide the command now. */
export const rejectUnavailable = (message: string): Rejection => makeRejection("unavailable", "TOP4", message)

/** A command as a queue message. */
export const submitMessage = (request: CommandRequest): SubmitMessage => ({ _tag: "Submit", request, replied: false })

/** Replies to a command, unless that was done before. A callback that throws does not affect the host. */
export const replyOnce = (message: SubmitMessage, outcome: Result.Result<Receipt, Rejection>): void => {
  if (message.replied) return
  message.replied = true
  Result.try(() => message.request.reply(outcome))
}

/** Replies with a rejection to a message that expects a reply. */
export const rejectMessage = (message: HostMessage, rejection: Rejection): void => {
  const outcome = Result.fail(rejection)
  switch (message._tag) {
    case "Submit":
      return replyOnce(message, outcome)
    case "Subscribe":
    case "ReadTopic":
      return void Result.try(() => message.reply(outcome))
    case "Unsubscribe":
    case "TimerFired":
    case "Passivate":
      return undefined
  }
}

/** Commands that are committed together, and the messages that are served after them. */
export interface CommandBatch {
  readonly commands: Array<SubmitMessage>
  readonly otherMessages: Array<Exclude<HostMessage, SubmitMessage>>
}

/**
 * Splits queued messages into as few commits as the order of replies allows (CON2): a user's subscription is answered
 * after the commands that the same user sent before it, and before those sent after it. Between users there is no order.
 */
export const splitIntoBatches = (messages: ReadonlyArray<HostMessage>): ReadonlyArray<CommandBatch> => {
  let current: CommandBatch = { commands: [], otherMessages: [] }
  const batches = [current]
  const subscribed = new Set<Author>()
  for (const message of messages) {
    if (message._tag !== "Submit") {
      current.otherMessages.push(message)
      if (message._tag === "Subscribe") subscribed.add(message.subscriber.user)
    } else if (subscribed.has(message.request.author)) {
      batches.push(current = { commands: [message], otherMessages: [] })
      subscribed.clear()
    } else current.commands.push(message)
  }
  return batches
}
