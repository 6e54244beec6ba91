/** What brings somebody up to date with a topic: the events since then, or all of it (SYN2). */
import { Effect, Exit, type Schema } from "effect"
import type { Position, TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { EventLog } from "../../services/EventLog.ts"
import type { CatchUp } from "../../services/Topics.ts"
import type { DurableState } from "./DurableState.ts"
import * as KindCodecs from "./KindCodecs.ts"
import { type Subscribers, toPublishedEvent } from "./Subscribers.ts"
import { readEntriesAfter } from "./TopicLoader.ts"

export interface CatchUpDependencies {
  readonly log: EventLog["Service"]
  readonly limits: Pick<Limits, "catchUp">
}

const positionOf = ({ epoch, seq }: DurableState): Position => ({ epoch, seq })

/** Whether a client at `from` can go on by deltas: the same log, not ahead of it, not too far behind (SYN2, SYN8). */
const canUseDeltas = (from: Position, { epoch, seq }: DurableState, limit: number): boolean =>
  from.epoch === epoch && from.seq <= seq && seq - from.seq <= limit

export class CatchUps {
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly dependencies: CatchUpDependencies
  private readonly subscribers: Subscribers
  private encodedState: { readonly state: unknown; readonly json: Schema.Json } | undefined

  constructor(topic: TopicId, kind: AnyKind, dependencies: CatchUpDependencies, subscribers: Subscribers) {
    this.topic = topic
    this.kind = kind
    this.dependencies = dependencies
    this.subscribers = subscribers
  }

  /** The events after `from`; undefined when only a snapshot will do. */
  readDeltas(durable: DurableState, from: Position | undefined): Effect.Effect<CatchUp | undefined> {
    const { limits, log } = this.dependencies
    if (from === undefined || !canUseDeltas(from, durable, limits.catchUp)) return Effect.undefined
    const position = positionOf(durable)
    const recent = this.subscribers.recentSince(from.seq, position.seq)
    if (recent !== undefined) return Effect.succeed({ mode: "deltas", position, events: recent })
    return readEntriesAfter(log, this.kind, this.topic, from.seq).pipe(
      // The log may be ahead of us, when a commit that was reported as failed had succeeded.
      Effect.map((entries) => entries.filter(({ seq }) => seq <= position.seq)),
      Effect.map((entries): CatchUp => ({ mode: "deltas", position, events: entries.map(toPublishedEvent) })),
      // A log that cannot be read right now leaves the snapshot, which is in memory.
      Effect.catchCause(() => Effect.undefined)
    )
  }

  /** The state as JSON, encoded once however many ask for it; undefined when the kind cannot. */
  encodeSnapshot(durable: DurableState): Extract<CatchUp, { readonly mode: "snapshot" }> | undefined {
    const { state } = durable
    let { encodedState } = this
    if (encodedState === undefined || encodedState.state !== state) {
      const json = KindCodecs.codecsFor(this.kind).encodeState(state)
      if (Exit.isFailure(json)) return undefined
      this.encodedState = encodedState = { state, json: json.value }
    }
    return { mode: "snapshot", position: positionOf(durable), state: encodedState.json }
  }
}
