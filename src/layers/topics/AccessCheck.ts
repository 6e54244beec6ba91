/** Rejects messages of users who may not read a topic, by the directory, without loading the topic (SEC9). */
import { Effect, Option } from "effect"
import type { Author, TopicId } from "../../domain/protocol/Ids.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import { checkAccess, isRestricted } from "../../domain/topic/TopicAccess.ts"
import type { Directory } from "../../services/Directory.ts"
import type { EventLog, EventLogError } from "../../services/EventLog.ts"
import type { HostMessage } from "./HostMessages.ts"

/** The dependencies of an access check. */
export interface AccessCheckDependencies {
  readonly directory: Directory["Service"]
  readonly log: EventLog["Service"]
}

/** The author a topic must be loaded for; undefined for messages that matter to a loaded topic only. */
export const requesterOf = (message: HostMessage): Author | undefined => {
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

/**
 * How many messages, from the front, the topic need not be loaded for. Those behind the first that is admitted are
 * admitted too: the loaded topic decides about them itself.
 */
export const countRejected = Effect.fnUntraced(function*(
  { directory, log }: AccessCheckDependencies,
  kind: AnyKind,
  topic: TopicId,
  messages: ReadonlyArray<HostMessage>
): Effect.fn.Return<number, EventLogError> {
  for (const [index, message] of messages.entries()) {
    const author = requesterOf(message)
    if (author === undefined) continue
    const mayRead = !isRestricted(kind, author) || (yield* directory.canRead(author, topic))
    const verdict = checkAccess(kind, author, mayRead, message._tag === "Submit" ? message.request.input : undefined)
    if (verdict === "Admit") return index
    if (verdict === "Reject" || message._tag !== "Submit") continue
    const processed = yield* log.findProcessedCommand(topic, message.request.id)
    if (Option.isSome(processed) && processed.value.author === author) return index
  }
  return messages.length
})
