/**
 * Who gets through to a topic (SEC9). Strangers are turned away by what the
 * directory says, and nothing is loaded for them.
 */
import { Effect, Option } from "effect"
import { type Author, isUser, type TopicId } from "../../domain/Ids.ts"
import type { AnyKind } from "../../domain/Topic.ts"
import type { Directory } from "../../services/Directory.ts"
import type { EventLog, EventLogError } from "../../services/EventLog.ts"
import type { Message, Submit } from "./Messages.ts"

export interface Means {
  readonly directory: Directory["Service"]
  readonly log: EventLog["Service"]
}

/** Who wants the topic in memory; undefined for what only whoever is there already needs to hear. */
export const wantedBy = (message: Message): Author | undefined => {
  switch (message._tag) {
    case "Submit":
      return message.submission.author
    case "Subscribe":
      return message.subscriber.user
    case "Look":
      return message.reader ?? "system:server"
    case "Wake":
      return "system:clock"
    case "Unsubscribe":
    case "Rest":
      return undefined
  }
}

const founds = ({ founding }: AnyKind, { submission: { input } }: Submit): boolean =>
  // Every command and answer is tagged, by the kind's contract.
  founding?.has((input as { readonly _tag: string })._tag) === true

/**
 * How many of those in front may not have the topic loaded. Whoever comes after one who may is let in as well: the topic
 * itself knows best. So is a command that was carried out before: its author may have left since (SYN4).
 */
export const strangers = Effect.fnUntraced(function*(
  { directory, log }: Means,
  kind: AnyKind,
  topic: TopicId,
  waiting: ReadonlyArray<Message>
): Effect.fn.Return<number, EventLogError> {
  if (kind.founding === undefined) return 0
  for (const [before, message] of waiting.entries()) {
    const author = wantedBy(message)
    if (author === undefined) continue
    if (!isUser(author) || (yield* directory.canRead(author, topic))) return before
    if (message._tag !== "Submit") continue
    if (founds(kind, message) || Option.isSome(yield* log.outcome(topic, message.submission.id))) return before
  }
  return waiting.length
})
