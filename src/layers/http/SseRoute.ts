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
import { type Position, TopicId, type UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { encodeServerMessage } from "../../domain/protocol/Protocol.ts"
import type { Rejection } from "../../domain/protocol/Rejection.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import { Sessions } from "../../services/Sessions.ts"
import { type CatchUp, type Subscriber, Topics } from "../../services/Topics.ts"
import * as ServerMessages from "../gateway/ServerMessages.ts"
import * as Entropy from "../runtime/Entropy.ts"
import { Readiness } from "./Readiness.ts"

/** Milliseconds between two looks at the open streams, and looks until a sign of life and of the session's. */
const checkIntervalMillis = 1_000
const checksPerKeepAlive = 15

/** One reader. */
interface Reader {
  readonly user: UserId
  readonly token: Redacted.Redacted
  readonly write: (text: string) => void
  readonly close: () => void
}

const decodeTopic = Schema.decodeUnknownOption(TopicId)

/** `<epoch>.<seq>`; anything else is as good as nothing, and gets a snapshot. */
const positionOf = (id: string | undefined): Position | undefined => {
  const parts = /^([^.\s]{1,64})\.(\d{1,15})$/.exec(id ?? "")
  return parts === null ? undefined : { epoch: parts[1]!, seq: Number(parts[2]) }
}

const bearerTokenOf = (authorization: string | undefined): Redacted.Redacted | undefined => {
  const [, token] = /^Bearer ([\w-]{1,512})$/i.exec(authorization ?? "") ?? []
  return token === undefined ? undefined : Redacted.make(token)
}

const errorResponse = (status: number, { code, message }: ServerMessages.RequestRejection) =>
  HttpServerResponse.jsonUnsafe({ code, message }, { status, headers: { "cache-control": "no-store" } })

const unauthenticatedError: ServerMessages.RequestRejection = {
  code: "unauthenticated",
  message: "send the token of your session: Authorization: Bearer <session_token>"
}

const httpStatusByCode: Partial<Record<Rejection["code"], number>> = { not_found: 404, unavailable: 503, internal: 500 }

const make = Effect.fnUntraced(function*(limits: Pick<Limits, "connectionsPerUser" | "outboxMax">) {
  const topics = yield* Topics
  const sessions = yield* Sessions
  const readiness = yield* Readiness
  const random = yield* Random.Random
  const readers = new Set<Reader>()

  /** Subscribes; the bytes for the reader. They end with the subscription, whoever ends it. */
  const openStream = Effect.fnUntraced(
    function*(topic: TopicId, user: UserId, token: Redacted.Redacted, from?: Position) {
      const queue = yield* Queue.unbounded<string, Cause.Done>()
      const id = `events-${Entropy.randomUuid(random)}`
      let epoch = ""
      let bufferedLength = 0

      const close = () => {
        if (readers.delete(reader)) topics.unsubscribe(topic, id)
        Queue.endUnsafe(queue)
      }
      const write = (text: string) => {
        bufferedLength += text.length
        // Whatever the first answer takes, what follows it is bounded (CON8).
        if (bufferedLength > limits.outboxMax && bufferedLength > text.length) return close()
        Queue.offerUnsafe(queue, text)
      }
      const writeEvent = (name: string, seq: number, text: string) =>
        write(`event: ${name}\nid: ${epoch}.${seq}\ndata: ${text}\n\n`)
      const deliver = ({ lane, text }: OutboundFrame) => {
        if (lane._tag === "Durable") writeEvent("delta", lane.seq, text)
      }
      const reader: Reader = { user, token, write, close }
      readers.add(reader)
      // What may be joined by others is not for it, and the rest of a room need not do without.
      const subscriber: Subscriber = { id, user, supportsBatching: true, deliver, onAccessRevoked: close }
      yield* subscribe(topic, subscriber, from, (catchUp, now) => {
        epoch = catchUp.position.epoch
        const message = ServerMessages.subscribed(id, catchUp, { presence: [], signals: [] })
        writeEvent(
          "subscribed",
          catchUp.position.seq,
          encodeServerMessage(message, { id: Entropy.randomUuid(random), timestamp: now, thread_id: topic })
        )
      }).pipe(Effect.onExit((exit) => Exit.isFailure(exit) ? Effect.sync(close) : Effect.void))
      return Stream.fromQueue(queue).pipe(
        Stream.tap((text) => Effect.sync(() => void (bufferedLength -= text.length))),
        Stream.encodeText,
        Stream.ensuring(Effect.sync(close))
      )
    }
  )

  const subscribe = (
    topic: TopicId,
    subscriber: Subscriber,
    from: Position | undefined,
    onCatchUp: (catchUp: CatchUp, now: number) => void
  ) =>
    Effect.clockWith((clock) =>
      Effect.callback<void, Rejection>((resume) =>
        topics.subscribe(topic, subscriber, from, (outcome) => {
          if (Result.isFailure(outcome)) return resume(Effect.fail(outcome.failure))
          // On the host's turn, before any delta.
          onCatchUp(outcome.success, clock.currentTimeMillisUnsafe())
          resume(Effect.void)
        })
      )
    )

  const handleRequest = Effect.gen(function*() {
    const { headers } = yield* HttpServerRequest.HttpServerRequest
    const token = bearerTokenOf(headers["authorization"])
    if (token === undefined) return errorResponse(401, unauthenticatedError)
    const session = yield* sessions.resume(token)
    if (!(yield* Ref.get(readiness))) return errorResponse(503, ServerMessages.unavailableError)
    const topic = Option.getOrUndefined(decodeTopic((yield* HttpRouter.params)["topic"]))
    if (topic === undefined) {
      return errorResponse(404, { code: "not_found", message: "this is not the name of a topic" })
    }
    if ([...readers].filter(({ user }) => user === session.user).length >= limits.connectionsPerUser) {
      return errorResponse(429, { code: "rate_limited", message: "too many streams of one user: close another one" })
    }
    const body = yield* openStream(topic, session.user, token, positionOf(headers["last-event-id"]))
    return HttpServerResponse.stream(body, {
      contentType: "text/event-stream",
      headers: { "cache-control": "no-store", "x-accel-buffering": "no" }
    })
  }).pipe(
    Effect.catchTag(
      "SessionError",
      (error) =>
        Effect.succeed(
          error.retryable
            ? errorResponse(503, ServerMessages.unavailableError)
            : errorResponse(401, unauthenticatedError)
        )
    ),
    Effect.catch((rejection) => Effect.succeed(errorResponse(httpStatusByCode[rejection.code] ?? 403, rejection)))
  )

  /** Ends all when the server drains (SYN11), and those whose session is over (AUT2); lets the others hear something. */
  const checkReaders = Effect.fnUntraced(function*(checkNumber: number) {
    const ready = yield* Ref.get(readiness)
    for (const reader of readers) {
      if (!ready) reader.close()
      else if (checkNumber % checksPerKeepAlive === 0) {
        const session = yield* Effect.result(sessions.resume(reader.token))
        if (Result.isFailure(session) && !session.failure.retryable) reader.close()
        else reader.write(":\n\n")
      }
    }
  })

  yield* Effect.forkScoped(Effect.gen(function*() {
    for (let count = 1;; count++) {
      yield* Effect.sleep(checkIntervalMillis)
      yield* checkReaders(count)
    }
  }))
  return { handleRequest }
})

/** The route, to be added to a router. */
export const layer = (
  limits: Pick<Limits, "connectionsPerUser" | "outboxMax">
): Layer.Layer<never, never, HttpRouter.HttpRouter | Topics | Sessions | Readiness> =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    const { handleRequest } = yield* make(limits)
    yield* router.add("GET", "/topics/:topic/events", handleRequest)
  }))
