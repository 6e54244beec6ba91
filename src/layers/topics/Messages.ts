/** What waits in a host's queue, and in what portions a host takes it. */
import { Result } from "effect"
import type { Author, Position } from "../../domain/Ids.ts"
import { reject, type Rejection } from "../../domain/Rejection.ts"
import type { AnyKind } from "../../domain/Topic.ts"
import type { CatchUp, Receipt, Submission, Subscriber } from "../../services/Topics.ts"

export interface Submit {
  readonly _tag: "Submit"
  readonly submission: Submission
  /** Whether the reply was made, which happens once. */
  answered: boolean
}

/** A topic as somebody looks at it. */
export interface View {
  readonly kind: AnyKind
  readonly state: unknown
  readonly mayRead: (reader: Author) => boolean
}

export type Message =
  | Submit
  | {
    readonly _tag: "Subscribe"
    readonly subscriber: Subscriber
    readonly from: Position | undefined
    readonly reply: (outcome: Result.Result<CatchUp, Rejection>) => void
  }
  | { readonly _tag: "Unsubscribe"; readonly id: string }
  | {
    readonly _tag: "Look"
    /** On whose behalf; undefined for whoever is told nothing of the state itself. */
    readonly reader: Author | undefined
    readonly use: (view: Result.Result<View, Rejection>) => void
  }
  /** The time that the topic wanted to be woken at has come. */
  | { readonly _tag: "Wake" }
  /** Leave memory, if still nobody needs the topic. */
  | { readonly _tag: "Rest" }

export const unavailable = (message: string): Rejection => reject("unavailable", "TOP4", message)

export const submit = (submission: Submission): Submit => ({ _tag: "Submit", submission, answered: false })

/** Replies, unless that was done before. A caller's callback that throws harms nobody else. */
export const answer = (submit: Submit, outcome: Result.Result<Receipt, Rejection>): void => {
  if (submit.answered) return
  submit.answered = true
  Result.try(() => submit.submission.reply(outcome))
}

/** Turns a message away unserved. */
export const refuse = (message: Message, rejection: Rejection): void => {
  const outcome = Result.fail(rejection)
  switch (message._tag) {
    case "Submit":
      return answer(message, outcome)
    case "Subscribe":
      return void Result.try(() => message.reply(outcome))
    case "Look":
      return void Result.try(() => message.use(outcome))
    case "Unsubscribe":
    case "Wake":
    case "Rest":
      return undefined
  }
}

/** Commands that are committed together, and what is served after them. */
export interface Segment {
  readonly submits: Array<Submit>
  readonly others: Array<Exclude<Message, Submit>>
}

/**
 * Splits what was queued into as few commits as possible. Who subscribes after a command of theirs sees its outcome;
 * who sends a command after subscribing gets the subscription's reply first (CON2). Between different users the order
 * does not show.
 */
export const segments = (batch: ReadonlyArray<Message>): ReadonlyArray<Segment> => {
  let segment: Segment = { submits: [], others: [] }
  const all = [segment]
  const subscribed = new Set<Author>()
  for (const message of batch) {
    if (message._tag !== "Submit") {
      segment.others.push(message)
      if (message._tag === "Subscribe") subscribed.add(message.subscriber.user)
    } else if (subscribed.has(message.submission.author)) {
      all.push(segment = { submits: [message], others: [] })
      subscribed.clear()
    } else segment.submits.push(message)
  }
  return all
}
