/**
 * A topic over plain HTTP, one way (SYN13): `GET /topics/<topic>/events` with
 * the session's token as bearer answers what `subscribe` would, then every
 * delta, as server-sent events. An event's id is its position, `<epoch>.<seq>`:
 * what comes back in `Last-Event-ID` goes on from there.
 *
 * What a reader does not take is bounded: beyond it the stream ends, and the
 * reader comes back with the position it has.
 */
import {
  type Cause,
  Effect,
  Exit,
  type Layer,
  Option,
  Queue,
  Random,
  Redacted,
  Ref,
  Result,
  Schema,
  Stream
} from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { type Position, TopicId, type UserId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { encode } from "../../domain/Protocol.ts"
import type { Rejection } from "../../domain/Rejection.ts"
import type { Frame } from "../../services/Frame.ts"
import { Sessions } from "../../services/Sessions.ts"
import { type CatchUp, type Subscriber, Topics } from "../../services/Topics.ts"
import * as Entropy from "../Entropy.ts"
import { Readiness } from "../http/Readiness.ts"
import * as Answers from "./Answers.ts"

/** Milliseconds between two looks at the open streams, and looks until a sign of life and of the session's. */
const lookEvery = 1_000
const looks = 15

/** One reader. */
interface Reader {
  readonly user: UserId
  readonly token: Redacted.Redacted
  readonly write: (text: string) => void
  readonly end: () => void
}

const decodeTopic = Schema.decodeUnknownOption(TopicId)

/** `<epoch>.<seq>`; anything else is as good as nothing, and gets a snapshot. */
const positionOf = (id: string | undefined): Position | undefined => {
  const parts = /^([^.\s]{1,64})\.(\d{1,15})$/.exec(id ?? "")
  return parts === null ? undefined : { epoch: parts[1]!, seq: Number(parts[2]) }
}

const tokenOf = (authorization: string | undefined): Redacted.Redacted | undefined => {
  const [, token] = /^Bearer ([\w-]{1,512})$/i.exec(authorization ?? "") ?? []
  return token === undefined ? undefined : Redacted.make(token)
}

const refuse = (status: number, { code, message }: Answers.Refused) =>
  HttpServerResponse.jsonUnsafe({ code, message }, { status, headers: { "cache-control": "no-store" } })

const unauthenticated: Answers.Refused = {
  code: "unauthenticated",
  message: "send the token of your session: Authorization: Bearer <session_token>"
}

const statuses: Partial<Record<Rejection["code"], number>> = { not_found: 404, unavailable: 503, internal: 500 }

const make = Effect.fnUntraced(function*(limits: Pick<Limits, "connectionsPerUser" | "outboxMax">) {
  const topics = yield* Topics
  const sessions = yield* Sessions
  const readiness = yield* Readiness
  const random = yield* Random.Random
  const readers = new Set<Reader>()

  /** Subscribes; the bytes for the reader. They end with the subscription, whoever ends it. */
  const open = Effect.fnUntraced(function*(topic: TopicId, user: UserId, token: Redacted.Redacted, from?: Position) {
    const queue = yield* Queue.unbounded<string, Cause.Done>()
    const id = `events-${Entropy.uuid(random)}`
    let epoch = ""
    let held = 0

    const end = () => {
      if (readers.delete(reader)) topics.unsubscribe(topic, id)
      Queue.endUnsafe(queue)
    }
    const write = (text: string) => {
      held += text.length
      // Whatever the first answer takes, what follows it is bounded (CON8).
      if (held > limits.outboxMax && held > text.length) return end()
      Queue.offerUnsafe(queue, text)
    }
    const event = (name: string, seq: number, text: string) =>
      write(`event: ${name}\nid: ${epoch}.${seq}\ndata: ${text}\n\n`)
    const deliver = ({ lane, text }: Frame) => {
      if (lane._tag === "Durable") event("delta", lane.seq, text)
    }
    const reader: Reader = { user, token, write, end }
    readers.add(reader)
    // What may be joined by others is not for it, and the rest of a room need not do without.
    const subscriber: Subscriber = { id, user, gathers: true, deliver, putOut: end }
    yield* subscribe(topic, subscriber, from, (caught, now) => {
      epoch = caught.position.epoch
      const message = Answers.subscribed(id, caught, { presence: [], signals: [] })
      event(
        "subscribed",
        caught.position.seq,
        encode(message, { id: Entropy.uuid(random), timestamp: now, thread_id: topic })
      )
    }).pipe(Effect.onExit((exit) => Exit.isFailure(exit) ? Effect.sync(end) : Effect.void))
    return Stream.fromQueue(queue).pipe(
      Stream.tap((text) => Effect.sync(() => void (held -= text.length))),
      Stream.encodeText,
      Stream.ensuring(Effect.sync(end))
    )
  })

  const subscribe = (
    topic: TopicId,
    subscriber: Subscriber,
    from: Position | undefined,
    first: (caught: CatchUp, now: number) => void
  ) =>
    Effect.clockWith((clock) =>
      Effect.callback<void, Rejection>((resume) =>
        topics.subscribe(topic, subscriber, from, (outcome) => {
          if (Result.isFailure(outcome)) return resume(Effect.fail(outcome.failure))
          // On the host's turn, before any delta.
          first(outcome.success, clock.currentTimeMillisUnsafe())
          resume(Effect.void)
        })
      )
    )

  const handle = Effect.gen(function*() {
    const { headers } = yield* HttpServerRequest.HttpServerRequest
    const token = tokenOf(headers["authorization"])
    if (token === undefined) return refuse(401, unauthenticated)
    const session = yield* sessions.resume(token)
    if (!(yield* Ref.get(readiness))) return refuse(503, Answers.unavailable)
    const topic = Option.getOrUndefined(decodeTopic((yield* HttpRouter.params)["topic"]))
    if (topic === undefined) return refuse(404, { code: "not_found", message: "this is not the name of a topic" })
    if ([...readers].filter(({ user }) => user === session.user).length >= limits.connectionsPerUser) {
      return refuse(429, { code: "rate_limited", message: "too many streams of one user: close another one" })
    }
    const bytes = yield* open(topic, session.user, token, positionOf(headers["last-event-id"]))
    return HttpServerResponse.stream(bytes, {
      contentType: "text/event-stream",
      headers: { "cache-control": "no-store", "x-accel-buffering": "no" }
    })
  }).pipe(
    Effect.catchTag(
      "SessionError",
      (error) => Effect.succeed(error.retryable ? refuse(503, Answers.unavailable) : refuse(401, unauthenticated))
    ),
    Effect.catch((rejection) => Effect.succeed(refuse(statuses[rejection.code] ?? 403, rejection)))
  )

  /** Ends all when the server drains (SYN11), and those whose session is over (AUT2); lets the others hear something. */
  const look = Effect.fnUntraced(function*(count: number) {
    const ready = yield* Ref.get(readiness)
    for (const reader of readers) {
      if (!ready) reader.end()
      else if (count % looks === 0) {
        const session = yield* Effect.result(sessions.resume(reader.token))
        if (Result.isFailure(session) && !session.failure.retryable) reader.end()
        else reader.write(":\n\n")
      }
    }
  })

  yield* Effect.forkScoped(Effect.gen(function*() {
    for (let count = 1;; count++) {
      yield* Effect.sleep(lookEvery)
      yield* look(count)
    }
  }))
  return { handle }
})

/** The route, to be added to a router. */
export const layer = (
  limits: Pick<Limits, "connectionsPerUser" | "outboxMax">
): Layer.Layer<never, never, HttpRouter.HttpRouter | Topics | Sessions | Readiness> =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    const { handle } = yield* make(limits)
    yield* router.add("GET", "/topics/:topic/events", handle)
  }))
