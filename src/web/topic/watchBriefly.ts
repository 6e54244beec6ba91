/** Reads a thread before it is opened. A module of its own, since the first screen does without the kind of threads. */
import type { Client } from "../../client/Client.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { threadKind } from "../../domain/thread/Thread.ts"

/** Milliseconds for which a thread that is not opened after all stays subscribed to. */
const patience = 2_000

/** Subscribes to a thread for a moment: when it is opened within it, its state is there or under way. */
export const watchBriefly = (client: Client, id: TopicId): void => {
  const stop = client.topic(threadKind, id).onView(() => {})
  setTimeout(stop, patience)
}
