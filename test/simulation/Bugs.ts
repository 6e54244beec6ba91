/** Planted bugs: small variants around the real layers, each of which the checker must find. */
import { Effect, Queue, Result } from "effect"
import type { TopicId } from "../../src/domain/Ids.ts"
import type { Entry } from "../../src/domain/Log.ts"
import { encode } from "../../src/domain/Protocol.ts"
import type { AnyKind } from "../../src/domain/Topic.ts"
import * as Chain from "../../src/layers/eventlog/Chain.ts"
import type { EventLog, Head } from "../../src/services/EventLog.ts"
import type { Frame } from "../../src/services/Frame.ts"
import type { Topics } from "../../src/services/Topics.ts"
import type { VectorIndex } from "../../src/services/VectorIndex.ts"
import type { Process } from "./Process.ts"
import type { Plant } from "./Server.ts"
import type { World } from "./World.ts"

export const names = [
  "unordered-broadcast",
  "subscribe-after-read",
  "no-dedupe",
  "ack-before-sync",
  "dirty-read",
  "work-in-race",
  "allowed-once",
  "stored-perhaps",
  "deaf-to-hashes",
  "silent-drain"
] as const
export type Name = typeof names[number]

type Log = EventLog["Service"]
type Live = Topics["Service"]

/** Every writer publishes its own part of a group commit, when it gets to it. */
const unordered = (topics: Live, process: Process): Live => ({
  ...topics,
  subscribe: (topic, subscriber, from, reply) =>
    topics.subscribe(
      topic,
      {
        ...subscriber,
        deliver: (frame) => {
          if (frame.lane._tag !== "Durable") return subscriber.deliver(frame)
          process.after(process.dice.int(0, 10), () => subscriber.deliver(frame))
        }
      },
      from,
      reply
    )
})

/** Reads what is there, and registers for what comes only after that. */
const late = (topics: Live, process: Process): Live => ({
  ...topics,
  subscribe: (topic, subscriber, from, reply) => {
    const reader = { ...subscriber, id: `${subscriber.id} reads`, deliver: () => undefined }
    topics.subscribe(topic, reader, from, (outcome) => {
      topics.unsubscribe(topic, reader.id)
      if (Result.isFailure(outcome)) return reply(outcome)
      process.after(process.dice.int(1, 30), () => {
        topics.subscribe(topic, subscriber, outcome.success.position, () => reply(outcome))
      })
    })
  }
})

/** A command that comes again while the server lives is a new one. */
const forgetful = (): Pick<Plant, "log" | "topics"> => {
  const mark = /#\d+/g
  const clean = (entry: Entry): Entry => JSON.parse(JSON.stringify(entry).replace(mark, "")) as Entry
  return {
    topics: (topics) => {
      const seen = new Map<string, number>()
      return {
        ...topics,
        post: (topic, submission) => {
          const times = seen.get(submission.id) ?? 0
          seen.set(submission.id, times + 1)
          const id = times === 0 ? submission.id : (`${submission.id}#${times}` as typeof submission.id)
          topics.post(topic, { ...submission, id })
        }
      }
    },
    log: (log) => ({
      ...log,
      append: (append) =>
        log.append({
          ...append,
          drafts: append.drafts.map((draft) => clean(draft as Entry))
        })
    })
  }
}

/** Says that what was written is durable as soon as it is on its way. */
const hasty = (log: Log, process: Process): Log => {
  const heads = new Map<TopicId, Head>()
  return {
    ...log,
    append: Effect.fnUntraced(function*(append) {
      const { topic } = append
      const durable = yield* log.head(topic)
      const head = heads.get(topic) ??
        (durable._tag === "Some" ? durable.value : Chain.unborn(topic, yield* Chain.newEpoch))
      const entries = yield* Effect.fromResult(Chain.chain(head, append))
      heads.set(topic, Chain.advance(head, entries))
      process.run(Effect.asVoid(Effect.exit(log.append(append))))
      return entries
    })
  }
}

/** Shows events to subscribers before they are durable; receipts wait as they should. */
const dirty = (world: World): Pick<Plant, "log" | "topics"> => {
  const shown = new Map<TopicId, number>()
  const early = new WeakSet<Frame>()
  let live: Live | undefined
  return {
    topics: (topics) => {
      shown.clear()
      live = topics
      return {
        ...topics,
        subscribe: (topic, subscriber, from, reply) =>
          topics.subscribe(
            topic,
            {
              ...subscriber,
              deliver: (frame) => {
                const known = frame.lane._tag === "Durable" && frame.lane.seq <= (shown.get(topic) ?? 0)
                if (early.has(frame) || !known) subscriber.deliver(frame)
              }
            },
            from,
            reply
          )
      }
    },
    log: (log) => ({
      ...log,
      append: (append) => {
        const { drafts, expected, topic } = append
        const to = expected + drafts.length
        const events = drafts.map(({ at, author, cause, event, seq }) => ({ at, author, cause, event, seq }))
        const text = encode({ _tag: "delta", from: expected, to, events }, {
          id: "00000000-0000-4000-8000-000000000000",
          timestamp: world.now,
          thread_id: topic
        })
        const frame: Frame = { text, lane: { _tag: "Durable", topic, seq: to } }
        early.add(frame)
        live?.broadcast(topic, frame)
        shown.set(topic, to)
        return log.append(append)
      }
    })
  }
}

/** A client whose reader takes a frame inside a race, and loses it when the other side wins. */
const racing: Plant["network"] = (network) => {
  network.handOver = (line) => {
    const { client } = line
    const inbox = Effect.runSync(Queue.unbounded<string>())
    client.run(
      Effect.gen(function*() {
        while (line.clientThinks === "open") {
          const taken = Effect.flatMap(
            Queue.take(inbox),
            (text) => Effect.as(Effect.sleep(client.dice.int(1, 25)), text)
          )
          const text = yield* Effect.timeoutOrElse(taken, { duration: 400, orElse: () => Effect.undefined })
          if (text !== undefined) line.emit("message", { data: text })
        }
      })
    )
    return (text) => Queue.offerUnsafe(inbox, text)
  }
}

/** Who may read a thread is looked up once for each, and remembered. */
const remembering = (kinds: ReadonlyMap<string, AnyKind>): ReadonlyMap<string, AnyKind> => {
  const allowed = new Set<string>()
  return new Map(Array.from(kinds, ([name, kind]) => [
    name,
    {
      ...kind,
      canRead: (state, reader) => {
        const key = `${(state as { readonly id?: string }).id} ${reader}`
        if (kind.canRead(state, reader)) allowed.add(key)
        return allowed.has(key)
      }
    } satisfies AnyKind
  ]))
}

/** Points that could not be stored count as stored. */
const careless = (engine: VectorIndex["Service"]): VectorIndex["Service"] => ({
  ...engine,
  upsert: (...args) => Effect.ignore(engine.upsert(...args))
})

/** Clients that never hear of a hash. */
const deaf: Plant["network"] = (network) => {
  network.handOver = (line) => (text) => {
    const { payload, ...rest } = JSON.parse(text) as { readonly payload: object }
    line.emit("message", { data: JSON.stringify({ ...rest, payload: { ...payload, hash: undefined } }) })
  }
}

export const plant = (name: Name, world: World): Plant => {
  switch (name) {
    case "unordered-broadcast":
      return { topics: unordered }
    case "subscribe-after-read":
      return { topics: late }
    case "no-dedupe":
      return forgetful()
    case "ack-before-sync":
      return { log: hasty }
    case "dirty-read":
      return dirty(world)
    case "work-in-race":
      return { network: racing }
    case "allowed-once":
      return { kinds: remembering }
    case "stored-perhaps":
      return { index: careless }
    case "deaf-to-hashes":
      return { network: deaf }
    case "silent-drain":
      return { drain: Effect.void }
  }
}
