/**
 * Topics in this process: one host per topic in use, started by the first
 * message to it and gone from memory when nobody has needed it for a while.
 *
 * Owns the registry, the alarm clock and the performing of intents; what a
 * topic does with a message is `Host`'s.
 */
import { Clock, Effect, Exit, FiberSet, Layer, Queue, Random, Result, Schedule, type Schema } from "effect"
import { type Author, kindOf, type TopicId } from "../../domain/protocol/Ids.ts"
import * as Limits from "../../domain/protocol/Limits.ts"
import { notFound, type Rejection } from "../../domain/protocol/Rejection.ts"
import { type AnyKind, type SendCommand, step } from "../../domain/topic/Topic.ts"
import { Directory } from "../../services/Directory.ts"
import { EventLog } from "../../services/EventLog.ts"
import { IntentHandlers } from "../../services/IntentHandlers.ts"
import { Kinds } from "../../services/Kinds.ts"
import { CommandRejected, type CommandRequest, Topics } from "../../services/Topics.ts"
import * as Entropy from "../runtime/Entropy.ts"
import { internalRejection } from "./DurableState.ts"
import {
  type HostMessage,
  rejectMessage,
  rejectUnavailable,
  replyOnce,
  submitMessage,
  type TopicView
} from "./HostMessages.ts"
import * as IntentRunner from "./IntentRunner.ts"
import * as KindCodecs from "./KindCodecs.ts"
import * as TimerQueue from "./TimerQueue.ts"
import { type HostDependencies, TopicHost } from "./TopicHost.ts"

export interface Options {
  /** Those that differ from the defaults. */
  readonly limits?: Partial<Limits.Limits> | undefined
}

const queueFull = rejectUnavailable("too much is waiting for this topic; try again")
const serverStopping = rejectUnavailable("the server is stopping; try again")

/** The live topics of this process, by name. */
class HostRegistry {
  readonly hosts = new Map<TopicId, TopicHost>()
  private readonly kinds: ReadonlyMap<string, AnyKind>
  private readonly startHost: (topic: TopicId, kind: AnyKind) => TopicHost
  private accepting = true

  constructor(kinds: ReadonlyMap<string, AnyKind>, startHost: (topic: TopicId, kind: AnyKind) => TopicHost) {
    this.kinds = kinds
    this.startHost = startHost
  }

  /** Hands a message to its topic's host, started when needed; refuses it when that cannot be. */
  send(topic: TopicId, message: HostMessage): void {
    const kind = this.kinds.get(kindOf(topic))
    if (kind === undefined) return rejectMessage(message, notFound)
    if (!this.accepting) return rejectMessage(message, serverStopping)
    let host = this.hosts.get(topic)
    if (host === undefined) this.hosts.set(topic, host = this.startHost(topic, kind))
    if (host.offer(message)) return
    rejectMessage(message, queueFull)
    if (message._tag === "TimerFired") host.retryWake()
  }

  readonly post = (topic: TopicId, request: CommandRequest): void => this.send(topic, submitMessage(request))

  /** Has a topic look at its clock and at what it is owed, loading it when needed. */
  sendTimerFired(topic: TopicId): void {
    this.send(topic, { _tag: "TimerFired" })
  }

  /** A command that its topic does not decide goes on to another, with everything it came with. */
  readonly forward: HostDependencies["forward"] = (topic, input, message) => {
    const decoded = this.decodeAnswer(topic, input)
    if (decoded === undefined) return replyOnce(message, Result.fail(internalRejection))
    this.post(topic, { ...message.request, ...decoded, reply: (outcome) => replyOnce(message, outcome) })
  }

  /** What another topic says to this one, as its kind's answer; undefined when it does not understand it. */
  decodeAnswer(topic: TopicId, json: unknown): { readonly input: unknown } | undefined {
    const kind = this.kinds.get(kindOf(topic))
    const decoded = kind === undefined ? undefined : KindCodecs.codecsFor(kind).decodeAnswer(json)
    return decoded === undefined || Exit.isFailure(decoded) ? undefined : { input: decoded.value }
  }

  readTopic(topic: TopicId, reader?: Author): Effect.Effect<TopicView, CommandRejected> {
    return Effect.callback<TopicView, CommandRejected>((resume) =>
      this.send(topic, {
        _tag: "ReadTopic",
        reader,
        reply: (view) => resume(Effect.mapError(Effect.fromResult(view), toCommandRejected(topic)))
      })
    )
  }

  /** Takes nothing more; what is queued is still done. */
  close(): void {
    this.accepting = false
    for (const host of this.hosts.values()) Queue.endUnsafe(host.queue)
  }
}

const toCommandRejected = (topic: TopicId) => (rejection: Rejection) => new CommandRejected({ topic, rejection })

/** Decides on the durable state and throws the result away (THR11). A forwarded command is simulated where it goes. */
const makeSimulate = (registry: HostRegistry, seed: () => number, now: () => number) => {
  const simulate: Topics["Service"]["simulate"] = Effect.fnUntraced(function*(topic, { author, id, input }) {
    const { kind, state } = yield* registry.readTopic(topic)
    const attempt = Result.try(() => step(kind, state, input, { id, author, now: now(), seed: seed() }))
    const decision = Result.isSuccess(attempt) ? attempt.success : Result.fail(internalRejection)
    const outcome = yield* Effect.mapError(Effect.fromResult(decision), toCommandRejected(topic))
    if (!("_tag" in outcome)) return { events: outcome.events, intents: outcome.started }
    const forwarded = registry.decodeAnswer(outcome.topic, outcome.input)
    if (forwarded === undefined) return yield* toCommandRejected(topic)(internalRejection)
    return yield* simulate(outcome.topic, { author, id, input: forwarded.input })
  })
  return simulate
}

/** Everything that hosts share, and the registry that starts them. They stop with the scope. */
const makeRegistry = Effect.fnUntraced(function*(limits: Limits.Limits) {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const directory = yield* Directory
  const log = yield* EventLog
  const kinds = yield* Kinds
  const intentHandlers = yield* IntentHandlers

  const registry: HostRegistry = new HostRegistry(kinds, (topic, kind) => {
    const host = new TopicHost(topic, kind, dependencies)
    run(host.run)
    return host
  })
  const intentRunner = yield* IntentRunner.make(intentHandlers.handle, registry.post)
  const timers = yield* TimerQueue.make(clock, (topic) => registry.sendTimerFired(topic))
  const dependencies: HostDependencies = {
    directory,
    log,
    limits,
    now: () => clock.currentTimeMillisUnsafe(),
    seed: () => Entropy.randomUint32(random),
    uuid: () => Entropy.randomUuid(random),
    intentRunner,
    scheduleTimer: timers.schedule,
    forward: registry.forward,
    unregister: (topic) => registry.hosts.delete(topic)
  }
  const fibers = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(fibers)<never>()
  yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(() => registry.close()), FiberSet.awaitEmpty(fibers)))
  yield* intentHandlers.register<SendCommand>("Tell", IntentRunner.makeSendCommand(kinds, registry.post))
  return { registry, dependencies }
})

/** Takes idle topics out of memory (ROO8). */
const passivateIdleHosts = Effect.fnUntraced(function*(registry: HostRegistry, interval: number) {
  while (true) {
    yield* Effect.sleep(interval)
    for (const host of registry.hosts.values()) if (host.canPassivate) host.offer({ _tag: "Passivate" })
  }
})

/** Loads what is owed something; the alarm clock is enough for what only waits for a time (TOP6). */
const makeRecover = (registry: HostRegistry, { scheduleTimer, log }: HostDependencies): Effect.Effect<void> =>
  log.topicsToRecover.pipe(
    Effect.tapError((error) => Effect.logError("what waits cannot be read from the log; trying again", error)),
    Effect.retry(Schedule.spaced("1 second")),
    Effect.orDie,
    Effect.map((topics) => {
      for (const { hasPendingIntents, topic, wakeAt } of topics) {
        scheduleTimer(topic, wakeAt)
        if (hasPendingIntents) registry.sendTimerFired(topic)
      }
    })
  )

const makeStateOf =
  (registry: HostRegistry): Topics["Service"]["stateOf"] =>
  <S>({ State }: { readonly State: Schema.Codec<S, unknown> }, topic: TopicId, reader: Author) =>
    Effect.flatMap(registry.readTopic(topic, reader), ({ kind, mayRead, state }) =>
      // A kind's states are what its codec encodes: the same codec, the same type.
      kind.State === State && mayRead(reader)
        ? Effect.succeed(state as S)
        : Effect.fail(toCommandRejected(topic)(notFound)))

const make = Effect.fnUntraced(function*(options: Options) {
  const limits: Limits.Limits = { ...Limits.defaults, ...options.limits }
  const { dependencies, registry } = yield* makeRegistry(limits)
  yield* Effect.forkScoped(passivateIdleHosts(registry, limits.passivateAfter / 2))
  const { hosts } = registry
  return Topics.of({
    post: registry.post,
    submit: (topic, command) =>
      Effect.mapError(IntentRunner.requestReceipt(registry.post, topic, command), toCommandRejected(topic)),
    subscribe: (topic, subscriber, from, reply) => registry.send(topic, { _tag: "Subscribe", subscriber, from, reply }),
    unsubscribe: (topic, id) => {
      const host = hosts.get(topic)
      // At once, and again in the queue for a subscription that is still waiting there.
      host?.subscribers.remove(id)
      host?.offer({ _tag: "Unsubscribe", id })
    },
    broadcast: (topic, frame) => hosts.get(topic)?.subscribers.deliver(frame),
    stateOf: makeStateOf(registry),
    simulate: makeSimulate(registry, dependencies.seed, dependencies.now),
    recover: makeRecover(registry, dependencies),
    stats: Effect.sync(() => ({
      loadedTopics: hosts.size,
      subscriptions: [...hosts.values()].reduce((sum, host) => sum + host.subscribers.size, 0)
    }))
  })
})

/** Topics held by this process. On closing, everything that was accepted into a queue is still decided and stored. */
export const layer = (
  options: Options = {}
): Layer.Layer<Topics, never, Directory | EventLog | Kinds | IntentHandlers> => Layer.effect(Topics, make(options))
