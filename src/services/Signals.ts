/** What is shared on a topic but never logged: presence, cursors, running text (ROO2, ROO3, CHO5). */
import { Context, type Effect } from "effect"
import type { Author, TopicId } from "../domain/protocol/Ids.ts"
import type { Presence, PublishedSignal, ServerMessageOf } from "../domain/protocol/Protocol.ts"
import type { Subscriber } from "./Topics.ts"

export class Signals extends Context.Service<Signals, {
  /** The subscriber is there: others hear of it (coalesced). Returns who and what is there already. */
  readonly join: (
    topic: TopicId,
    subscriber: Subscriber
  ) => { readonly presence: ReadonlyArray<Presence>; readonly signals: ReadonlyArray<PublishedSignal> }
  readonly leave: (topic: TopicId, subscriberId: string) => void
  /** Latest value under a key wins; `null` removes it. */
  readonly setSignal: (topic: TopicId, from: Subscriber, key: string, value: unknown) => void
  /**
   * A piece of running text. Kept as far as it has come, so that whoever enters later gets it whole first.
   * `completeStream` forgets it.
   */
  readonly publishChunk: (topic: TopicId, chunk: Omit<ServerMessageOf<"chorus_response">, "_tag">) => void
  readonly completeStream: (topic: TopicId, promptId: string) => void
  /** Running texts of a topic, whole so far, for somebody who has just subscribed. */
  readonly runningStreams: (topic: TopicId) => ReadonlyArray<Omit<ServerMessageOf<"chorus_response">, "_tag">>
  /** Whether this user is connected to the topic anywhere. */
  readonly isPresent: (topic: TopicId, user: Author) => Effect.Effect<boolean>
}>()("choir/services/Signals") {}
