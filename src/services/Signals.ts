/**
 * Ephemeral state of a topic: presence, signals such as cursors, and running text of the Chorus (ROO2, ROO3, CHO5). None
 * of it is logged, and none survives a restart.
 *
 * **When to use**
 *
 * To show who is connected to a topic, or a value that only matters while it is fresh. Anything that
 * must not be lost is a command to the topic.
 *
 * **Details**
 *
 * A subscriber takes part from `join` to `leave`. The latest value under a key of a connection replaces the
 * one before, and expires after `cursorTtl`. Text in progress is kept whole until `completeStream`, so that a late
 * subscriber can be sent all of it.
 *
 * **Gotchas**
 *
 * Every method but `isPresent` is a plain function, called on the hot path: it must not block. `setSignal`
 * of a subscriber that has not joined is ignored (SEC11). Access is checked by the topic, before `join`.
 *
 * **Example**
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Domain, Layers, Services } from "choir"
 *
 * const { Signals } = Services.Signals
 * const topic = Domain.Ids.TopicId.make("room:lobby")
 * const user = Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
 *
 * // A `Topics` that prints what would be broadcast.
 * const topics = Layer.mock(Services.Topics.Topics, {
 *   post: () => {},
 *   subscribe: () => {},
 *   unsubscribe: () => {},
 *   broadcast: (_topic, frame) => console.log(frame.text)
 * })
 *
 * const program = Effect.gen(function*() {
 *   const signals = yield* Signals
 *   const subscriber = { id: "connection-1", user, deliver: () => {} }
 *   signals.join(topic, subscriber)
 *   signals.setSignal(topic, subscriber, "cursor", { line: 3 })
 *   console.log(yield* signals.isPresent(topic, user)) // true
 * })
 *
 * const layer = Layers.SignalsLocal.layer(Domain.Limits.defaults).pipe(Layer.provide(topics))
 * await Effect.runPromise(program.pipe(Effect.provide(layer)))
 * ```
 */
import { Context, type Effect } from "effect"
import type { RunningText } from "../domain/presence/RunningText.ts"
import type { Author, TopicId } from "../domain/protocol/Ids.ts"
import type { Presence, PublishedSignal } from "../domain/protocol/Protocol.ts"
import type { Subscriber } from "./Topics.ts"

/** Presence, signals and running text of topics. */
export class Signals extends Context.Service<Signals, {
  /** Makes the subscriber present, which is published coalesced. Returns all presence and signals of the topic. */
  readonly join: (
    topic: TopicId,
    subscriber: Subscriber
  ) => { readonly presence: ReadonlyArray<Presence>; readonly signals: ReadonlyArray<PublishedSignal> }
  /** Ends the subscriber's presence, and removes its signals. */
  readonly leave: (topic: TopicId, subscriberId: string) => void
  /** Sets the latest value under a key; `null` removes it. Ignored for a subscriber that has not joined. */
  readonly setSignal: (topic: TopicId, from: Subscriber, key: string, value: PublishedSignal["value"]) => void
  /** Publishes a chunk of running text, and appends it to the text so far. */
  readonly publishChunk: (topic: TopicId, chunk: RunningText) => void
  /** Removes the running text of a prompt; its result arrives as an event. */
  readonly completeStream: (topic: TopicId, promptId: string) => void
  /** The running texts of a topic, each whole so far, for a new subscriber. */
  readonly runningStreams: (topic: TopicId) => ReadonlyArray<RunningText>
  /** Whether the user is present in the topic with any connection. */
  readonly isPresent: (topic: TopicId, user: Author) => Effect.Effect<boolean>
}>()("choir/services/Signals") {}
