/** Makes the reply to a subscription: the missing events, from memory or from the log, or a snapshot (SYN2). */
import { Effect, Result } from "effect"
import type { Position, TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { chooseMode, eventsUpTo } from "../../domain/topic/CatchUp.ts"
import type { DurableState } from "../../domain/topic/DurableState.ts"
import { codecsFor } from "../../domain/topic/KindCodecs.ts"
import { openingsOf } from "../../domain/topic/SealedText.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { EventLog } from "../../services/EventLog.ts"
import type { EncodedJson } from "../../services/OutboundFrame.ts"
import type { CatchUp } from "../../services/Topics.ts"
import { encodeJson } from "../delivery/SharedFrame.ts"
import type { Subscribers } from "./Subscribers.ts"
import { readEntriesAfter } from "./TopicLoader.ts"

/** The dependencies of catch-ups. */
export interface CatchUpDependencies {
  readonly log: EventLog["Service"]
  readonly limits: Pick<Limits, "catchUp">
}

const positionOf = ({ epoch, seq }: DurableState): Position => ({ epoch, seq })

type Unlinked<M extends CatchUp["mode"]> = Omit<Extract<CatchUp, { readonly mode: M }>, "head">

const toSnapshot = (durable: DurableState, snapshot: EncodedJson | undefined): Unlinked<"snapshot"> | undefined =>
  snapshot === undefined ? undefined : { mode: "snapshot", position: positionOf(durable), snapshot }

/** One topic's catch-ups. */
export class CatchUps {
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly dependencies: CatchUpDependencies
  private readonly subscribers: Subscribers
  private encodedState: { readonly state: unknown; readonly json: EncodedJson | undefined } | undefined

  constructor(topic: TopicId, kind: AnyKind, dependencies: CatchUpDependencies, subscribers: Subscribers) {
    this.topic = topic
    this.kind = kind
    this.dependencies = dependencies
    this.subscribers = subscribers
  }

  /** The events after `from`; undefined when it takes a snapshot. */
  readDeltas(durable: DurableState, from: Position | undefined): Effect.Effect<Unlinked<"deltas"> | undefined> {
    const { limits, log } = this.dependencies
    if (from === undefined || chooseMode(from, durable, limits.catchUp) === "snapshot") return Effect.undefined
    const position = positionOf(durable)
    const recent = this.subscribers.recentAfter(from.seq, position.seq)
    if (recent !== undefined) return Effect.succeed({ mode: "deltas", position, events: recent })
    return readEntriesAfter(log, this.kind, this.topic, from.seq).pipe(
      Effect.map((entries): Unlinked<"deltas"> => ({
        mode: "deltas",
        position,
        events: eventsUpTo(entries, position.seq)
      })),
      // While the log cannot be read, the snapshot in memory serves (FLT3).
      Effect.catchCause(() => Effect.undefined)
    )
  }

  /**
   * The state and the openings of its texts as JSON, encoded once per state; undefined, and logged as an error, when its schema
   * refuses it.
   */
  encodeSnapshot(durable: DurableState): Effect.Effect<Unlinked<"snapshot"> | undefined> {
    return Effect.suspend(() => {
      const { state } = durable
      if (this.encodedState?.state === state && this.encodedState !== undefined) {
        return Effect.succeed(toSnapshot(durable, this.encodedState.json))
      }
      const json = Result.map(
        codecsFor(this.kind).encodeState(state),
        (encoded) => encodeJson({ state: encoded, open: openingsOf(state) })
      )
      this.encodedState = { state, json: Result.getOrUndefined(json) }
      return Result.isSuccess(json)
        ? Effect.succeed(toSnapshot(durable, json.success))
        : Effect.as(
          Effect.logError(`the state of ${this.topic} cannot be sent or stored: ${json.failure.message}`),
          undefined
        )
    })
  }

  /** Forgets the encoded state: the topic has moved on. Who reads it already keeps it. */
  forgetSnapshot(): void {
    this.encodedState = undefined
  }
}
