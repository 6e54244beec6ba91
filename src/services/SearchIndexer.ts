/** Keeps the search index in step with the logs (STO4). Nobody waits for it but whoever asks to. */
import { Context, type Effect } from "effect"
import type { TopicId } from "../domain/protocol/Ids.ts"
import type { EventLogError } from "./EventLog.ts"

export class SearchIndexer extends Context.Service<SearchIndexer, {
  /** Waits until everything that was appended before has been taken in. While the engine is down it waits. */
  readonly awaitCaughtUp: Effect.Effect<void>
  /** Takes in every thread again from its beginning; what is there already stays as it is. Returns at once. */
  readonly rebuild: Effect.Effect<void>
  /** Takes in what a thread published after `seq` again. Done once that is certain to happen. */
  readonly reindexFrom: (topic: TopicId, seq: number) => Effect.Effect<void, EventLogError>
  /** Topics that wait to be taken in, and how many rounds in a row have failed. */
  readonly status: Effect.Effect<{ readonly pendingTopics: number; readonly failures: number }>
}>()("choir/services/SearchIndexer") {}
