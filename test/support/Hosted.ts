/** What tests of hosts do over and over: command a counter, listen to it, and stand in for the log. */
import { Effect, Layer, type Result } from "effect"
import { type Author, CommandId, type Position, TopicId } from "../../src/domain/Ids.ts"
import type { Limits } from "../../src/domain/Limits.ts"
import { decodeServer, type ServerMessage } from "../../src/domain/Protocol.ts"
import type { Rejection } from "../../src/domain/Rejection.ts"
import type { AnyKind } from "../../src/domain/Topic.ts"
import * as Memory from "../../src/layers/eventlog/Memory.ts"
import * as PerformersLive from "../../src/layers/Performers.ts"
import * as Local from "../../src/layers/topics/Local.ts"
import type { Directory } from "../../src/services/Directory.ts"
import { EventLog } from "../../src/services/EventLog.ts"
import { Kinds } from "../../src/services/Kinds.ts"
import type { Performers } from "../../src/services/Performers.ts"
import { type CatchUp, type Receipt, type Subscriber, Topics } from "../../src/services/Topics.ts"
import * as Counter from "./Counter.ts"

export const one = TopicId.make("counter:one")
export const two = TopicId.make("counter:two")
export const alice: Author = "system:alice"
export const bob: Author = "system:bob"

export const kinds: ReadonlyMap<string, AnyKind> = new Map([["counter", Counter.kind]])

/** Hosts over a log that is already there; the log outlives them. */
export const hosts = (limits: Partial<Limits> = {}): Layer.Layer<Topics | Performers, never, Directory | EventLog> =>
  Local.layer({ limits }).pipe(
    Layer.provideMerge(PerformersLive.layer),
    Layer.provide(Layer.succeed(Kinds, kinds))
  )

/** Hosts over an empty log in memory. */
export const layer = (limits: Partial<Limits> = {}): Layer.Layer<Topics | Performers | EventLog | Directory> =>
  hosts(limits).pipe(Layer.provideMerge(Memory.layer))

/** The same log, with some of its parts replaced. */
export const withLog = (
  change: (log: EventLog["Service"]) => Partial<EventLog["Service"]>
): Layer.Layer<EventLog | Directory> =>
  Layer.effect(EventLog, Effect.map(EventLog, (log) => EventLog.of({ ...log, ...change(log) }))).pipe(
    Layer.provideMerge(Memory.layer)
  )

let count = 0

/** Sends a command under `id` (a fresh one by default), and waits for its outcome. */
export const send = (
  topic: TopicId,
  input: Counter.Command,
  { author = alice, id = `command-${count++}` }: { readonly author?: Author; readonly id?: string } = {}
): Effect.Effect<Result.Result<Receipt, Rejection>, never, Topics> =>
  Effect.flatMap(Topics, (topics) =>
    topics.submit(topic, { id: CommandId.make(id), author, input }).pipe(
      Effect.mapError((refused) => refused.rejection),
      Effect.result
    ))

/** Hands over commands in one turn; the outcomes in the order of the commands. */
export const sendAll = (
  topic: TopicId,
  commands: ReadonlyArray<readonly [id: string, input: Counter.Command]>
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

export const total = (topic: TopicId): Effect.Effect<number, never, Topics> =>
  Effect.flatMap(Topics, (topics) => topics.state(topic, alice)).pipe(
    Effect.map((state) => (state as Counter.State).total),
    Effect.orDie
  )

/** Whoever writes down what it hears. */
export interface Listener extends Subscriber {
  readonly heard: Array<ServerMessage>
}

export const listener = (id: string, user: Author = alice): Listener => {
  const heard: Array<ServerMessage> = []
  return {
    id,
    user,
    heard,
    deliver: ({ text }) => {
      const decoded = decodeServer(JSON.parse(text))
      if (decoded !== undefined) heard.push(decoded.message)
    }
  }
}

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

/** The `[from, to]` of the deltas that somebody heard. */
export const deltas = ({ heard }: Listener): ReadonlyArray<readonly [number, number]> =>
  heard.flatMap((message) => message._tag === "delta" ? [[message.from, message.to] as const] : [])
