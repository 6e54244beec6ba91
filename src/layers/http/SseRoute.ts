/**
 * A topic as server-sent events (SYN13): `GET /topics/<topic>/events`, with the
 * session token as bearer token, answers what `subscribe` would, then every
 * delta. The id of an event is its position, `<epoch>.<seq>`; `Last-Event-ID`
 * resumes from there.
 */
import { type Cause, Effect, Exit, type Layer, Option, Queue, Random, Redacted, Ref, Result, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { bearerToken } from "../../domain/admission/Credentials.ts"
import { parseEventId } from "../../domain/delivery/EventStream.ts"
import { type Position, TopicId, type UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { encodeServerMessage } from "../../domain/protocol/Protocol.ts"
import type { Rejection } from "../../domain/protocol/Rejection.ts"
import { Sessions } from "../../services/Sessions.ts"
import { type CatchUp, type Subscriber, Topics } from "../../services/Topics.ts"
import * as ServerMessages from "../gateway/ServerMessages.ts"
import * as Entropy from "../runtime/Entropy.ts"
import { Readiness } from "./Readiness.ts"
import { SseReader } from "./SseReader.ts"

/** The limits of event streams: how many one user may have open, and how much one may buffer. */
export type SseLimits = Pick<Limits, "connectionsPerUser" | "outboxMax">

/** Milliseconds between two checks of the open streams. */
const checkIntervalMillis = 1_000

/** Checks between two keep-alive comments, at which the session is checked as well. */
const checksPerKeepAlive = 15

/** The state shared by requests and checks. */
interface SseDependencies {
  readonly topics: Topics["Service"]
  readonly sessions: Sessions["Service"]
  readonly readiness: Readiness["Service"]
  readonly random: Random.Random
  readonly limits: SseLimits
  readonly readers: Set<SseReader>
}

const decodeTopic = Schema.decodeUnknownOption(TopicId)

const errorResponse = (status: number, { code, message }: ServerMessages.RequestRejection) =>
  HttpServerResponse.jsonUnsafe({ code, message }, { status, headers: { "cache-control": "no-store" } })

const unauthenticatedError: ServerMessages.RequestRejection = {
  code: "unauthenticated",
  message: "a session token is required: Authorization: Bearer <session_token>"
}

const httpStatusByCode: Partial<Record<Rejection["code"], number>> = { not_found: 404, unavailable: 503, internal: 500 }

/** Subscribes; `onCatchUp` is called before any later delta is delivered. */
const subscribe = (
  topics: Topics["Service"],
  topic: TopicId,
  subscriber: Subscriber,
  from: Position | undefined,
  onCatchUp: (catchUp: CatchUp, now: number) => void
): Effect.Effect<void, Rejection> =>
  Effect.clockWith((clock) =>
    Effect.callback<void, Rejection>((resume) =>
      topics.subscribe(topic, subscriber, from, (outcome) => {
        if (Result.isFailure(outcome)) return resume(Effect.fail(outcome.failure))
        onCatchUp(outcome.success, clock.currentTimeMillisUnsafe())
        resume(Effect.void)
      })
    )
  )

/** Opens a stream of a topic for a user. */
const openReader = Effect.fnUntraced(function*(
  { limits, random, readers, topics }: SseDependencies,
  topic: TopicId,
  user: UserId,
  token: Redacted.Redacted,
  from: Position | undefined
): Effect.fn.Return<SseReader, Rejection> {
  const reader = new SseReader({
    id: `events-${Entropy.randomUuid(random)}`,
    user,
    token,
    limits,
    queue: yield* Queue.unbounded<string, Cause.Done>(),
    onEnd: (ended) => {
      readers.delete(ended)
      topics.unsubscribe(topic, ended.id)
    }
  })
  readers.add(reader)
  yield* subscribe(topics, topic, reader, from, (catchUp, timestamp) => {
    const message = ServerMessages.subscribed(reader.id, catchUp, { presence: [], signals: [] })
    const envelope = { id: Entropy.randomUuid(random), timestamp, thread_id: topic }
    reader.writeSubscribed(catchUp.position.epoch, catchUp.position.seq, encodeServerMessage(message, envelope))
  }).pipe(Effect.onExit((exit) => Exit.isFailure(exit) ? Effect.sync(() => reader.end()) : Effect.void))
  return reader
})

const handleRequest = Effect.fnUntraced(
  function*(dependencies: SseDependencies) {
    const { limits, readers, readiness, sessions } = dependencies
    const { headers } = yield* HttpServerRequest.HttpServerRequest
    const tokenText = bearerToken(headers["authorization"])
    if (tokenText === undefined) return errorResponse(401, unauthenticatedError)
    const token = Redacted.make(tokenText)
    const session = yield* sessions.resume(token)
    if (!(yield* Ref.get(readiness))) return errorResponse(503, ServerMessages.unavailableError)
    const topic = Option.getOrUndefined(decodeTopic((yield* HttpRouter.params)["topic"]))
    if (topic === undefined) return errorResponse(404, { code: "not_found", message: "this is not a topic id" })
    if ([...readers].filter(({ user }) => user === session.user).length >= limits.connectionsPerUser) {
      return errorResponse(429, { code: "rate_limited", message: "too many open streams of this user: close one" })
    }
    const from = parseEventId(headers["last-event-id"])
    const { bytes } = yield* openReader(dependencies, topic, session.user, token, from)
    return HttpServerResponse.stream(bytes, {
      contentType: "text/event-stream",
      headers: { "cache-control": "no-store", "x-accel-buffering": "no" }
    })
  },
  Effect.catchTag(
    "SessionError",
    (error) =>
      Effect.succeed(
        error.retryable ? errorResponse(503, ServerMessages.unavailableError) : errorResponse(401, unauthenticatedError)
      )
  ),
  Effect.catch((rejection) => Effect.succeed(errorResponse(httpStatusByCode[rejection.code] ?? 403, rejection)))
)

/**
 * Ends all streams when the server drains (SYN11), and those whose session has ended (AUT2); keeps the others alive.
 */
const checkReaders = Effect.fnUntraced(function*(
  { readers, readiness, sessions }: SseDependencies,
  checkNumber: number
) {
  const ready = yield* Ref.get(readiness)
  for (const reader of readers) {
    if (!ready) reader.end()
    else if (checkNumber % checksPerKeepAlive === 0) {
      const session = yield* Effect.result(sessions.resume(reader.token))
      if (Result.isFailure(session) && !session.failure.retryable) reader.end()
      else reader.keepAlive()
    }
  }
})

/** The route of event streams. */
export const layer = (
  limits: SseLimits
): Layer.Layer<never, never, HttpRouter.HttpRouter | Topics | Sessions | Readiness> =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    const dependencies: SseDependencies = {
      topics: yield* Topics,
      sessions: yield* Sessions,
      readiness: yield* Readiness,
      random: yield* Random.Random,
      limits,
      readers: new Set()
    }
    yield* Effect.forkScoped(Effect.gen(function*() {
      for (let checkNumber = 1;; checkNumber++) {
        yield* Effect.sleep(checkIntervalMillis)
        yield* checkReaders(dependencies, checkNumber)
      }
    }))
    yield* router.add("GET", "/topics/:topic/events", handleRequest(dependencies))
  }))
