/** What waits in a host's queue, and in what portions a host takes it. */
import { Result } from "effect"
import type { Author, Position } from "../../domain/protocol/Ids.ts"
import { makeRejection, type Rejection } from "../../domain/protocol/Rejection.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { CatchUp, CommandRequest, Receipt, Subscriber } from "../../services/Topics.ts"

export interface SubmitMessage {
  readonly _tag: "Submit"
  readonly request: CommandRequest
  /** Whether the reply was made, which happens once. */
  replied: boolean
}

/** A topic as somebody looks at it. */
export interface TopicView {
  readonly kind: AnyKind
  readonly state: unknown
  readonly mayRead: (reader: Author) => boolean
}

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
    /** On whose behalf; undefined for whoever is told nothing of the state itself. */
    readonly reader: Author | undefined
    readonly reply: (view: Result.Result<TopicView, Rejection>) => void
  }
  /** The time that the topic wanted to be woken at has come. */
  | { readonly _tag: "TimerFired" }
  /** Leave memory, if still nobody needs the topic. */
  | { readonly _tag: "Passivate" }

export const rejectUnavailable = (message: string): Rejection => makeRejection("unavailable", "TOP4", message)

export const submitMessage = (request: CommandRequest): SubmitMessage => ({ _tag: "Submit", request, replied: false })

/** Replies, unless that was done before. A caller's callback that throws harms nobody else. */
export const replyOnce = (message: SubmitMessage, outcome: Result.Result<Receipt, Rejection>): void => {
  if (message.replied) return
  message.replied = true
  Result.try(() => message.request.reply(outcome))
}

/** Turns a message away unserved. */
export const rejectMessage = (message: HostMessage, rejection: Rejection): void => {
  const outcome = Result.fail(rejection)
  switch (message._tag) {
    case "Submit":
      return replyOnce(message, outcome)
    case "Subscribe":
      return void Result.try(() => message.reply(outcome))
    case "ReadTopic":
      return void Result.try(() => message.reply(outcome))
    case "Unsubscribe":
    case "TimerFired":
    case "Passivate":
      return undefined
  }
}

/** Commands that are committed together, and what is served after them. */
export interface CommandBatch {
  readonly commands: Array<SubmitMessage>
  readonly otherMessages: Array<Exclude<HostMessage, SubmitMessage>>
}

/**
 * Splits what was queued into as few commits as possible. Who subscribes after a command of theirs sees its outcome;
 * who sends a command after subscribing gets the subscription's reply first (CON2). Between different users the order
 * does not show.
 */
export const splitIntoBatches = (batch: ReadonlyArray<HostMessage>): ReadonlyArray<CommandBatch> => {
  let current: CommandBatch = { commands: [], otherMessages: [] }
  const batches = [current]
  const subscribed = new Set<Author>()
  for (const message of batch) {
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
