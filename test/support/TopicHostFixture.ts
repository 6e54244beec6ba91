/** Topic hosts with counters, over a log that tests can override, and helpers to command and subscribe to them. */
import { Effect, Layer, Result } from "effect"
import { type Author, CommandId, type Position, TopicId } from "../../src/domain/protocol/Ids.ts"
import type { Limits } from "../../src/domain/protocol/Limits.ts"
import { principalOf } from "../../src/domain/protocol/Principal.ts"
import { decodeServerMessage, type ServerMessage } from "../../src/domain/protocol/Protocol.ts"
import type { Rejection } from "../../src/domain/protocol/Rejection.ts"
import type { Receipt } from "../../src/domain/topic/Deduplication.ts"
import type { AnyKind } from "../../src/domain/topic/Topic.ts"
import { jsonText } from "../../src/layers/delivery/SharedFrame.ts"
import * as EventLogMemory from "../../src/layers/eventlog/EventLogMemory.ts"
import * as IntentHandlersLive from "../../src/layers/topics/IntentHandlersLive.ts"
import * as TopicsLocal from "../../src/layers/topics/TopicsLocal.ts"
import type { Directory } from "../../src/services/Directory.ts"
import { type AppendRequest, EventLog, EventLogError, LogUnavailable } from "../../src/services/EventLog.ts"
import type { IntentHandlers } from "../../src/services/IntentHandlers.ts"
import { Kinds } from "../../src/services/Kinds.ts"
import type { EncodedJson } from "../../src/services/OutboundFrame.ts"
import { type CatchUp, type Subscriber, Topics } from "../../src/services/Topics.ts"
import * as CounterKind from "./CounterKind.ts"

/** A counter. */
export const counterOne = TopicId.make("counter:one")
/** Another counter. */
export const counterTwo = TopicId.make("counter:two")
/** An author. */
export const alice: Author = "system:alice"
/** Another author. */
export const bob: Author = "system:bob"

/** Hosts of one kind over a given log, which survives their restart. */
export const hostsLayer = (
  limits: Partial<Limits> = {},
  kind: AnyKind = CounterKind.kind
): Layer.Layer<Topics | IntentHandlers, never, Directory | EventLog> =>
  TopicsLocal.layer({ limits }).pipe(
    Layer.provideMerge(IntentHandlersLive.layer),
    Layer.provide(Layer.succeed(Kinds, new Map([[kind.name, kind]])))
  )

/** Hosts over an empty in-memory log. */
export const layer = (
  limits?: Partial<Limits>,
  kind?: AnyKind
): Layer.Layer<Topics | IntentHandlers | EventLog | Directory> =>
  hostsLayer(limits, kind).pipe(Layer.provideMerge(EventLogMemory.layer))

/** An in-memory log with some operations overridden. */
export const memoryLogWith = (
  override: (log: EventLog["Service"]) => Partial<EventLog["Service"]>
): Layer.Layer<EventLog | Directory> =>
  Layer.effect(EventLog, Effect.map(EventLog, (log) => EventLog.of({ ...log, ...override(log) }))).pipe(
    Layer.provideMerge(EventLogMemory.layer)
  )

/** An append by another writer of the counter's log: the events of one command. */
export const foreignAppend = (
  expectedSeq: number,
  events: ReadonlyArray<CounterKind.Event | number>,
  { cause = "foreign", version = CounterKind.kind.version }: {
    readonly cause?: string
    readonly version?: number
  } = {}
): AppendRequest => ({
  topic: counterOne,
  expectedSeq,
  drafts: events.map((event, i) => ({
    topic: counterOne,
    seq: expectedSeq + 1 + i,
    at: 0,
    cause: CommandId.make(cause),
    principal: principalOf(alice),
    depth: 0,
    version,
    event
  })),
  wakeAt: undefined,
  hasPendingIntents: false,
  listing: undefined
})

/** The failure of an operation of a broken disk. */
export const diskFailure = new EventLogError({
  reason: new LogUnavailable({ operation: "append", fault: "other", cause: "a broken disk" })
})

/** How appends end at present: durable, failed, or durable and reported as failed. */
export interface Disk {
  mode: "sound" | "broken" | "ambiguous"
}

/** An in-memory log on a disk that the test breaks, with some more operations overridden. */
export const logOnDisk = (
  disk: Disk,
  override: (log: EventLog["Service"]) => Partial<EventLog["Service"]> = () => ({})
): Layer.Layer<EventLog | Directory> =>
  memoryLogWith((log) => ({
    ...override(log),
    append: (append) => {
      if (disk.mode === "broken") return Effect.fail(diskFailure)
      const appended = log.append(append)
      return disk.mode === "ambiguous" ? Effect.andThen(appended, Effect.fail(diskFailure)) : appended
    }
  }))

/** The outcome of an accepted command. */
export const accepted = (seq: number, duplicate = false, topic = counterOne): Result.Result<Receipt, never> =>
  Result.succeed({ topic, seq, duplicate })

/** The code of a rejection; "ok" for any other outcome. */
export const codeOf = (outcome: Result.Result<unknown, { readonly code: string }>): string =>
  Result.isSuccess(outcome) ? "ok" : outcome.failure.code

let nextCommand = 0

/** Sends a command, under a new id by default, and waits for its outcome. */
export const sendCommand = (
  topic: TopicId,
  input: CounterKind.Command,
  { author = alice, id = `command-${nextCommand++}` }: { readonly author?: Author; readonly id?: string } = {}
): Effect.Effect<Result.Result<Receipt, Rejection>, never, Topics> =>
  Effect.flatMap(Topics, (topics) =>
    topics.submit(topic, { id: CommandId.make(id), author, input }).pipe(
      Effect.mapError((refused) => refused.rejection),
      Effect.result
    ))

/** Sends commands in one turn of the event loop; returns the outcomes in the order of their replies. */
export const sendCommands = (
  topic: TopicId,
  commands: ReadonlyArray<readonly [id: string, input: CounterKind.Command]>
): Effect.Effect<ReadonlyArray<Result.Result<Receipt, Rejection>>, never, Topics> =>
  Effect.flatMap(Topics, (topics) =>
    Effect.callback((resume) => {
      const outcomes: Array<Result.Result<Receipt, Rejection>> = []
      for (const [id, input] of commands) {
        const reply = (outcome: Result.Result<Receipt, Rejection>) => {
          outcomes.push(outcome)
          if (outcomes.length === commands.length) resume(Effect.succeed(outcomes))
        }
        topics.post(topic, { id: CommandId.make(id), author: alice, input, reply })
      }
    }))

/** Reads the total of a counter. */
export const readTotal = (topic: TopicId): Effect.Effect<number, never, Topics> =>
  Effect.flatMap(Topics, (topics) => topics.stateOf(CounterKind.kind, topic, alice)).pipe(
    Effect.map((state) => state.total),
    Effect.orDie
  )

/** A subscriber that records every message. */
export interface RecordingSubscriber extends Subscriber {
  readonly received: Array<ServerMessage>
}

/** A new recording subscriber. */
export const recordingSubscriber = (id: string, user: Author = alice): RecordingSubscriber => {
  const received: Array<ServerMessage> = []
  return {
    id,
    user,
    received,
    deliver: ({ text }) => {
      const decoded = decodeServerMessage(JSON.parse(text))
      if (decoded !== undefined) received.push(decoded.message)
    }
  }
}

/** Subscribes, and waits for the catch-up. */
export const subscribe = (
  topic: TopicId,
  subscriber: Subscriber,
  from?: Position
): Effect.Effect<Result.Result<CatchUp, Rejection>, never, Topics> =>
  Effect.flatMap(
    Topics,
    (topics) =>
      Effect.callback((resume) =>
        topics.subscribe(topic, subscriber, from, (outcome) => resume(Effect.succeed(outcome)))
      )
  )

/** The `[from, to]` of the received deltas. */
export const deltaRanges = ({ received }: RecordingSubscriber): ReadonlyArray<readonly [number, number]> =>
  received.flatMap((message) => message._tag === "delta" ? [[message.from, message.to] as const] : [])

/** The state of a snapshot, as its subscriber gets it. */
export const snapshotState = (snapshot: EncodedJson): unknown =>
  (JSON.parse(jsonText(snapshot)) as { readonly state: unknown }).state
