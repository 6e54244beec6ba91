/**
 * Who gets through to a topic (SEC9). Strangers are turned away by what the
 * directory says, and nothing is loaded for them.
 */
import { Effect, Option } from "effect"
import { type Author, isUser, type TopicId } from "../../domain/protocol/Ids.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { Directory } from "../../services/Directory.ts"
import type { EventLog, EventLogError } from "../../services/EventLog.ts"
import type { HostMessage, SubmitMessage } from "./HostMessages.ts"

export interface TopicAccessDependencies {
  readonly directory: Directory["Service"]
  readonly log: EventLog["Service"]
}

/** Who wants the topic in memory; undefined for what only whoever is there already needs to hear. */
export const loadRequester = (message: HostMessage): Author | undefined => {
  switch (message._tag) {
    case "Submit":
      return message.request.author
    case "Subscribe":
      return message.subscriber.user
    case "ReadTopic":
      return message.reader ?? "system:server"
    case "TimerFired":
      return "system:clock"
    case "Unsubscribe":
    case "Passivate":
      return undefined
  }
}

const createsTopic = ({ creationCommands }: AnyKind, { request: { input } }: SubmitMessage): boolean =>
  // Every command and answer is tagged, by the kind's contract.
  creationCommands?.has((input as { readonly _tag: string })._tag) === true

/**
 * How many of those in front may not have the topic loaded. Whoever comes after one who may is let in as well: the topic
 * itself knows best. So is a command that was carried out before: its author may have left since (SYN4).
 */
export const countUnauthorised = Effect.fnUntraced(function*(
  { directory, log }: TopicAccessDependencies,
  kind: AnyKind,
  topic: TopicId,
  messages: ReadonlyArray<HostMessage>
): Effect.fn.Return<number, EventLogError> {
  if (kind.creationCommands === undefined) return 0
  for (const [index, message] of messages.entries()) {
    const author = loadRequester(message)
    if (author === undefined) continue
    if (!isUser(author) || (yield* directory.canRead(author, topic))) return index
    if (message._tag !== "Submit") continue
    if (createsTopic(kind, message) || Option.isSome(yield* log.findProcessedCommand(topic, message.request.id))) {
      return index
    }
  }
  return messages.length
})
