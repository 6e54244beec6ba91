/**
 * Topics in this process: one host per topic in use, started by the first message to it and passivated when idle. Composes
 * the registry, the timer queue and the runner of intents; what a topic does with a message is `TopicHost`'s.
 *
 * **When to use**
 *
 * Provide it on a server that holds all its topics, or a topic at most on one server at a time.
 *
 * **Details**
 *
 * Closing the layer rejects new messages and finishes the queued ones (SYN11). Idle passivation is not left to `RcMap`: a
 * topic with a running intent, a queued message or a possible backlog in the log must stay in memory.
 *
 * **Gotchas**
 *
 * - Timers and outstanding intents of earlier runs resume with `recover`, not with the layer.
 * - Two servers on one log fence each other by seq, but do not see each other's events until they write.
 *
 * **Example**
 *
 * A topic is passivated when it is idle, and loaded again from its log.
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const topics = yield* Services.Topics.Topics
 *   const id = Domain.Ids.CommandId.make("create-1")
 *   const topic = Domain.Ids.TopicId.make("thread:one")
 *   const author = Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
 *   yield* topics.submit(topic, { id, author, input: { _tag: "create_thread", name: "Notes on tea" } })
 *   while ((yield* topics.stats).loadedTopics > 0) yield* Effect.sleep(5)
 *   return (yield* topics.stateOf(Domain.Thread.threadKind, topic, author)).title.text
 * })
 *
 * const topicsLayer = Layers.TopicsLocal.layer({ limits: { passivateAfter: 20 } }).pipe(
 *   Layer.provide([
 *     Layers.EventLogMemory.layer,
 *     Layers.IntentHandlersLive.layer,
 *     Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds)
 *   ])
 * )
 * console.log(await Effect.runPromise(Effect.provide(program, topicsLayer)))
 * // => Notes on tea
 * ```
 */
import { Clock, Effect, FiberHandle, FiberSet, Layer, Random, Result, type Schema } from "effect"
import type { Author, TopicId } from "../../domain/protocol/Ids.ts"
import * as Limits from "../../domain/protocol/Limits.ts"
import { principalOf } from "../../domain/protocol/Principal.ts"
import { notFound } from "../../domain/protocol/Rejection.ts"
import { rejectionOf } from "../../domain/topic/AppendFailure.ts"
import { internalRejection, type TopicInput } from "../../domain/topic/CommandBatch.ts"
import { type SendCommand, step } from "../../domain/topic/Topic.ts"
import { Directory } from "../../services/Directory.ts"
import { EventLog } from "../../services/EventLog.ts"
import { IntentHandlers } from "../../services/IntentHandlers.ts"
import { Kinds } from "../../services/Kinds.ts"
import { type CommandRejected, Topics } from "../../services/Topics.ts"
import { backoffSchedule } from "../runtime/BackoffSchedule.ts"
import * as Entropy from "../runtime/Entropy.ts"
import { addListener } from "../runtime/ScopedListeners.ts"
import { HostRegistry, type RegistryDependencies, toCommandRejected } from "./HostRegistry.ts"
import * as IntentRunner from "./IntentRunner.ts"
import { readPast } from "./TopicWriter.ts"

/** The layer's settings. */
export interface Options {
  /** Those that differ from the defaults. */
  readonly limits?: Partial<Limits.Limits> | undefined
  /** The tenants whose topics are served (ROO11); by default none, so that only topics without a host exist. */
  readonly hosts?: ReadonlyArray<string> | undefined
}

/** The registry and what its hosts share. Hosts finish what is queued before the scope closes. */
const makeDependencies = Effect.fnUntraced(function*(limits: Limits.Limits, hosts: ReadonlyArray<string>) {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const randomBytes = yield* Entropy.RandomBytes
  const fibers = yield* FiberSet.make<void>()
  const dependencies: Omit<RegistryDependencies, "onTitleErased"> = {
    clock,
    limits,
    kinds: yield* Kinds,
    hosts: new Set(["", ...hosts]),
    directory: yield* Directory,
    log: yield* EventLog,
    handleIntent: (yield* IntentHandlers).handle,
    intentFibers: yield* IntentRunner.makeFibers,
    runTimers: yield* FiberHandle.makeRuntime<never>(),
    runHost: yield* FiberSet.runtime(fibers)<never>(),
    now: () => clock.currentTimeMillisUnsafe(),
    seed: () => Entropy.randomUint32(random),
    salt: Entropy.makeSalts(randomBytes),
    uuid: () => Entropy.randomUuid(random)
  }
  return { dependencies, awaitHosts: FiberSet.awaitEmpty(fibers) }
})

/** Decides on the durable state without committing (THR11). A forwarded command is simulated where it is decided. */
const makeSimulate = (
  registry: HostRegistry,
  { log, now, seed }: Pick<RegistryDependencies, "log" | "now" | "seed">
): Topics["Service"]["simulate"] => {
  const simulateDecoded = Effect.fnUntraced(function*(
    topic: TopicId,
    { author, id, input, principal = principalOf(author) }: TopicInput
  ): Effect.fn.Return<Effect.Success<ReturnType<Topics["Service"]["simulate"]>>, CommandRejected> {
    const { kind, state } = yield* registry.readTopic(topic)
    const past = yield* Effect.mapError(
      readPast(log, kind, topic, [input]),
      ({ reason }) => toCommandRejected(topic)(rejectionOf(reason))
    )
    const attempt = Result.try(() =>
      step(kind, state, input, { id, author, principal, now: now(), past, seed: seed() })
    )
    const decision = Result.getOrElse(attempt, () => Result.fail(internalRejection))
    const outcome = yield* Effect.mapError(Effect.fromResult(decision), toCommandRejected(topic))
    if (!("_tag" in outcome)) return { events: outcome.events, intents: outcome.started }
    return yield* simulate(outcome.topic, { author, id, principal, input: JSON.parse(JSON.stringify(outcome.input)) })
  })
  const simulate: Topics["Service"]["simulate"] = (topic, command) =>
    Effect.fromResult(registry.decode(topic, command)).pipe(
      Effect.mapError(toCommandRejected(topic)),
      Effect.flatMap((decoded) => simulateDecoded(topic, decoded))
    )
  return simulate
}

const makeStateOf =
  (registry: HostRegistry): Topics["Service"]["stateOf"] =>
  <S>({ State }: { readonly State: Schema.Codec<S, unknown> }, topic: TopicId, reader: Author) =>
    Effect.flatMap(registry.readTopic(topic, reader), ({ kind, mayRead, state }) =>
      // A kind's states are what its codec encodes: the same codec, the same type.
      kind.State === State && mayRead(reader)
        ? Effect.succeed(state as S)
        : Effect.fail(toCommandRejected(topic)(notFound)))

/** Passivates idle topics (ROO8). */
const passivateIdleHosts = Effect.fnUntraced(function*(registry: HostRegistry, interval: number) {
  while (true) {
    yield* Effect.sleep(interval)
    for (const host of registry.hosts.values()) if (host.canPassivate) host.enqueue({ _tag: "Passivate" })
  }
})

/** Loads topics with outstanding intents; a topic that only waits for its timer is loaded when it fires (TOP6). */
const makeRecover = (registry: HostRegistry, log: EventLog["Service"]): Effect.Effect<void> =>
  log.topicsToRecover.pipe(
    Effect.tapError((error) => Effect.logError("topics to recover cannot be read from the log; trying again", error)),
    Effect.retry(backoffSchedule({ base: 1_000, cap: 1_000 })),
    Effect.orDie,
    Effect.map((topics) => {
      for (const { hasPendingIntents, topic, wakeAt } of topics) {
        registry.timers.schedule(topic, wakeAt)
        if (hasPendingIntents) registry.sendTimerFired(topic)
      }
    })
  )

const make = Effect.fnUntraced(function*(options: Options) {
  const limits: Limits.Limits = { ...Limits.defaults, ...options.limits }
  const { awaitHosts, dependencies } = yield* makeDependencies(limits, options.hosts ?? [])
  const titleListeners = new Set<RegistryDependencies["onTitleErased"]>()
  const registry = new HostRegistry({
    ...dependencies,
    onTitleErased: (topic, readers) => titleListeners.forEach((listener) => listener(topic, readers))
  })
  yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(() => registry.close()), awaitHosts))
  const { register } = yield* IntentHandlers
  yield* register<SendCommand>(
    "SendCommand",
    IntentRunner.makeSendCommand(dependencies.kinds, dependencies.log, registry.submit)
  )
  yield* Effect.forkScoped(passivateIdleHosts(registry, limits.passivateAfter / 2))
  const { hosts } = registry
  return Topics.of({
    post: registry.post,
    submit: (topic, command) =>
      Effect.mapError(IntentRunner.requestReceipt(registry.post, topic, command), toCommandRejected(topic)),
    subscribe: (topic, subscriber, from, reply) => registry.send(topic, { _tag: "Subscribe", subscriber, from, reply }),
    unsubscribe: (topic, id) => {
      const host = hosts.get(topic)
      // At once, and again in the queue for a subscription that is still queued.
      host?.subscribers.remove(id)
      host?.enqueue({ _tag: "Unsubscribe", id })
    },
    broadcast: (topic, frame) => hosts.get(topic)?.subscribers.deliver(frame),
    stateOf: makeStateOf(registry),
    simulate: makeSimulate(registry, dependencies),
    onTitleErased: (listener) => addListener(titleListeners, listener),
    recover: makeRecover(registry, dependencies.log),
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
