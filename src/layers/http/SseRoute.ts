/**
 * A topic as server-sent events (SYN13): `GET /topics/<topic>/events`, with the
 * session token as bearer token, answers what `subscribe` would, then every
 * delta. The id of an event is its position, `<epoch>.<seq>`; `Last-Event-ID`
 * resumes from there.
 */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import {
  type Cause,
  Clock,
  Effect,
  Exit,
  type Layer,
  Option,
  Queue,
  Random,
  Redacted,
  Ref,
  Result,
  Schema
} from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { IncomingMessage, ServerResponse } from "node:http"
import { bearerToken } from "../../domain/admission/Credentials.ts"
import { rateLimitKey } from "../../domain/admission/IpAddress.ts"
import { parseEventId } from "../../domain/delivery/EventStream.ts"
import { replyLane } from "../../domain/delivery/Lane.ts"
import { type Position, TopicId, type UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { Rejection } from "../../domain/protocol/Rejection.ts"
import * as SessionLifetime from "../../domain/session/SessionLifetime.ts"
import { Sessions } from "../../services/Sessions.ts"
import { type CatchUp, type Subscriber, Topics } from "../../services/Topics.ts"
import { OutboundBudget, type OutboundBudgetService } from "../delivery/OutboundBudget.ts"
import { frameLength } from "../delivery/SendQueue.ts"
import { makeFrame } from "../delivery/SharedFrame.ts"
import { ReadBudget, type ReadBudgetService, readLimitRejection } from "../gateway/ReadBudget.ts"
import * as ServerMessages from "../gateway/ServerMessages.ts"
import * as AdmissionGate from "../net/AdmissionGate.ts"
import * as Entropy from "../runtime/Entropy.ts"
import { Readiness } from "./Readiness.ts"
import { type QueuedBytes, SseReader, type SseReaderOptions } from "./SseReader.ts"

/** The settings of event streams. */
export interface SseOptions {
  /** How many one user and one address may have open, and how much one may buffer. */
  readonly limits: Pick<Limits, "connectionsPerUser" | "connectionsPerAddress" | "outboxMax" | "sessionGrace">
  /** Proxies whose `X-Forwarded-For` is trusted. */
  readonly trustedProxies: ReadonlyArray<string>
}

/** Milliseconds between two checks of the open streams. */
const checkIntervalMillis = 1_000

/** Checks between two keep-alive comments. */
const checksPerKeepAlive = 15

/** Names the client instance, as `client_id` does on a WebSocket: a token in its grace period needs it (AUT2). */
const clientIdHeader = "choir-client-id"

/** The state shared by requests and checks. */
interface SseDependencies {
  readonly topics: Topics["Service"]
  readonly sessions: Sessions["Service"]
  readonly readiness: Readiness["Service"]
  readonly random: Random.Random
  readonly options: SseOptions
  readonly outboundBudget: OutboundBudgetService
  readonly readBudget: ReadBudgetService
  /** The streams whose connections are open. */
  readonly readers: Set<SseReader>
}

const decodeTopic = Schema.decodeUnknownOption(TopicId)

const errorResponse = (status: number, { code, message, wait }: ServerMessages.RequestRejection) =>
  HttpServerResponse.jsonUnsafe({ code, message }, {
    status,
    headers: {
      "cache-control": "no-store",
      ...wait === undefined ? undefined : { "retry-after": String(Math.ceil(wait / 1_000)) }
    }
  })

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
  { options, outboundBudget, random, readBudget, readers, topics }: SseDependencies,
  topic: TopicId,
  request: Pick<SseReaderOptions, "session" | "addressKey"> & {
    readonly from: Position | undefined
    readonly response: ServerResponse
  }
): Effect.fn.Return<SseReader, Rejection> {
  const { response, session } = request
  const reader = new SseReader({
    id: `events-${Entropy.randomUuid(random)}`,
    ...request,
    limits: options.limits,
    budget: outboundBudget,
    queue: yield* Queue.unbounded<QueuedBytes, Cause.Done>(),
    onEnd: ({ id }) => topics.unsubscribe(topic, id),
    abort: () => response.destroy()
  })
  // The client has gone while its session was read.
  if (response.closed) {
    reader.close()
    return reader
  }
  readers.add(reader)
  // Not when the stream ends: a peer that does not read keeps its connection.
  response.once("close", () => {
    readers.delete(reader)
    reader.close()
  })
  yield* subscribe(topics, topic, reader, request.from, (catchUp, timestamp) => {
    const message = ServerMessages.subscribed(reader.id, catchUp, { presence: [], signals: [] })
    const frame = makeFrame(message, { id: Entropy.randomUuid(random), timestamp, thread_id: topic }, replyLane)
    readBudget.charge(session.user, frameLength(frame), timestamp)
    reader.writeSubscribed(catchUp.position.epoch, catchUp.position.seq, frame)
  }).pipe(Effect.onExit((exit) => Exit.isFailure(exit) ? Effect.sync(() => reader.end()) : Effect.void))
  return reader
})

/** The rejection of one more stream; undefined when it may be opened. */
const findExceededLimit = Effect.fnUntraced(function*(
  { options: { limits }, readBudget, readers }: SseDependencies,
  user: UserId,
  addressKey: string
) {
  const open = [...readers]
  if (open.filter((reader) => reader.user === user).length >= limits.connectionsPerUser) return tooManyOfUser
  if (open.filter((reader) => reader.addressKey === addressKey).length >= limits.connectionsPerAddress) {
    return tooManyOfAddress
  }
  const wait = readBudget.wait(user, yield* Clock.currentTimeMillis)
  return wait === 0 ? undefined : readLimitRejection(wait)
})

const tooManyOfUser: ServerMessages.RequestRejection = {
  code: "rate_limited",
  message: "too many open streams of this user: close one"
}

const tooManyOfAddress: ServerMessages.RequestRejection = {
  code: "rate_limited",
  message: "too many open streams of this address: close one"
}

const handleRequest = Effect.fnUntraced(
  function*(dependencies: SseDependencies) {
    const { options, readiness, sessions } = dependencies
    const request = yield* HttpServerRequest.HttpServerRequest
    const { headers } = request
    const tokenText = bearerToken(headers["authorization"])
    if (tokenText === undefined) return errorResponse(401, unauthenticatedError)
    const token = Redacted.make(tokenText)
    const session = yield* sessions.authenticate(token, headers[clientIdHeader] ?? null)
    if (!(yield* Ref.get(readiness))) return errorResponse(503, ServerMessages.unavailableError)
    const topic = Option.getOrUndefined(decodeTopic((yield* HttpRouter.params)["topic"]))
    if (topic === undefined) return errorResponse(404, { code: "not_found", message: "this is not a topic id" })
    const incoming = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
    const addressKey = rateLimitKey(AdmissionGate.clientAddress(incoming, options.trustedProxies))
    const exceeded = yield* findExceededLimit(dependencies, session.user, addressKey)
    if (exceeded !== undefined) return errorResponse(429, exceeded)
    const reader = yield* openReader(dependencies, topic, {
      session,
      addressKey,
      from: parseEventId(headers["last-event-id"]),
      response: NodeHttpServerRequest.toServerResponse(request) as ServerResponse
    })
    // What was revoked before the reader was among those that `onRevoked` ends.
    yield* Effect.onError(sessions.find(session.id), () => Effect.sync(() => reader.end()))
    return HttpServerResponse.stream(reader.bytes, {
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
 * Ends all streams when the server drains (SYN11), and those whose session has expired or was revoked (SEC7); keeps the
 * others alive.
 */
const checkReaders = Effect.fnUntraced(function*(
  { options, readers, readiness, sessions }: SseDependencies,
  checkNumber: number
) {
  const ready = yield* Ref.get(readiness)
  const now = yield* Clock.currentTimeMillis
  for (const reader of readers) {
    if (reader.session === undefined) reader.abort()
    else if (!ready) reader.end()
    else if (!SessionLifetime.isResumable(reader.session.expiresAt, now, options.limits)) {
      const session = yield* Effect.result(sessions.find(reader.session.id))
      if (Result.isSuccess(session)) reader.session &&= session.success
      else if (!session.failure.retryable) reader.revoke()
    }
    if (checkNumber % checksPerKeepAlive === 0) reader.keepAlive()
  }
})

/** The route of event streams. */
export const layer = (
  options: SseOptions
): Layer.Layer<never, never, HttpRouter.HttpRouter | Topics | Sessions | Readiness> =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    const dependencies: SseDependencies = {
      topics: yield* Topics,
      sessions: yield* Sessions,
      readiness: yield* Readiness,
      random: yield* Random.Random,
      options,
      outboundBudget: yield* OutboundBudget,
      readBudget: yield* ReadBudget,
      readers: new Set()
    }
    yield* dependencies.sessions.onRevoked(({ id }) => {
      for (const reader of dependencies.readers) if (reader.session?.id === id) reader.revoke()
    })
    yield* Effect.forkScoped(Effect.gen(function*() {
      for (let checkNumber = 1;; checkNumber++) {
        yield* Effect.sleep(checkIntervalMillis)
        yield* checkReaders(dependencies, checkNumber)
      }
    }))
    yield* router.add("GET", "/topics/:topic/events", handleRequest(dependencies))
  }))
