/** What brings somebody up to date with a topic: the events since then, or all of it (SYN2). */
import { Effect, Exit, type Schema } from "effect"
import type { Position, TopicId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import type { AnyKind } from "../../domain/Topic.ts"
import type { EventLog } from "../../services/EventLog.ts"
import type { CatchUp } from "../../services/Topics.ts"
import * as Codecs from "./Codecs.ts"
import { entriesAfter } from "./Load.ts"
import type { Standing } from "./Standing.ts"
import { type Subscribers, viewOf } from "./Subscribers.ts"

export interface Means {
  readonly log: EventLog["Service"]
  readonly limits: Pick<Limits, "catchUp">
}

const positionOf = ({ epoch, seq }: Standing): Position => ({ epoch, seq })

/** Whether a client at `from` can go on by deltas: the same log, not ahead of it, not too far behind (SYN2, SYN8). */
const canCatchUp = (from: Position, { epoch, seq }: Standing, limit: number): boolean =>
  from.epoch === epoch && from.seq <= seq && seq - from.seq <= limit

export class Copies {
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly means: Means
  private readonly subscribers: Subscribers
  private encoded: { readonly state: unknown; readonly json: Schema.Json } | undefined

  constructor(topic: TopicId, kind: AnyKind, means: Means, subscribers: Subscribers) {
    this.topic = topic
    this.kind = kind
    this.means = means
    this.subscribers = subscribers
  }

  /** The events after `from`; undefined when only a snapshot will do. */
  deltas(standing: Standing, from: Position | undefined): Effect.Effect<CatchUp | undefined> {
    const { limits, log } = this.means
    if (from === undefined || !canCatchUp(from, standing, limits.catchUp)) return Effect.undefined
    const position = positionOf(standing)
    const recent = this.subscribers.since(from.seq, position.seq)
    if (recent !== undefined) return Effect.succeed({ mode: "deltas", position, events: recent })
    return entriesAfter(log, this.kind, this.topic, from.seq).pipe(
      // The log may be ahead of us, when a commit that was reported as failed had succeeded.
      Effect.map((entries) => entries.filter(({ seq }) => seq <= position.seq)),
      Effect.map((entries): CatchUp => ({ mode: "deltas", position, events: entries.map(viewOf) })),
      // A log that cannot be read right now leaves the snapshot, which is in memory.
      Effect.catchCause(() => Effect.undefined)
    )
  }

  /** The state as JSON, encoded once however many ask for it; undefined when the kind cannot. */
  snapshot(standing: Standing): Extract<CatchUp, { readonly mode: "snapshot" }> | undefined {
    const { state } = standing
    let { encoded } = this
    if (encoded === undefined || encoded.state !== state) {
      const json = Codecs.of(this.kind).encodeState(state)
      if (Exit.isFailure(json)) return undefined
      this.encoded = encoded = { state, json: json.value }
    }
    return { mode: "snapshot", position: positionOf(standing), state: encoded.json }
  }
}
