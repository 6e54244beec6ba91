/**
 * Topics in this process: one host per topic in use, started by the first
 * message to it and gone from memory when nobody has needed it for a while.
 *
 * Owns the registry, the alarm clock and the performing of intents; what a
 * topic does with a message is `Host`'s.
 */
import { Clock, Effect, Exit, FiberSet, Layer, Queue, Random, Result, Schedule } from "effect"
import { type Author, kindOf, type TopicId } from "../../domain/Ids.ts"
import * as Limits from "../../domain/Limits.ts"
import { notFound, type Rejection } from "../../domain/Rejection.ts"
import { type AnyKind, step, type Tell } from "../../domain/Topic.ts"
import { Directory } from "../../services/Directory.ts"
import { EventLog } from "../../services/EventLog.ts"
import { Kinds } from "../../services/Kinds.ts"
import { Performers } from "../../services/Performers.ts"
import { CommandRefused, type Submission, Topics } from "../../services/Topics.ts"
import * as Entropy from "../Entropy.ts"
import * as Codecs from "./Codecs.ts"
import { Host, type Surroundings } from "./Host.ts"
import * as Intents from "./Intents.ts"
import { answer, type Message, refuse, submit, unavailable, type View } from "./Messages.ts"
import { internal } from "./Standing.ts"
import * as Wakes from "./Wakes.ts"

export interface Options {
  /** Those that differ from the defaults. */
  readonly limits?: Partial<Limits.Limits> | undefined
}

const crowded = unavailable("too much is waiting for this topic; try again")
const stopping = unavailable("the server is stopping; try again")

/** The live topics of this process, by name. */
class Registry {
  readonly hosts = new Map<TopicId, Host>()
  private readonly kinds: ReadonlyMap<string, AnyKind>
  private readonly start: (topic: TopicId, kind: AnyKind) => Host
  private open = true

  constructor(kinds: ReadonlyMap<string, AnyKind>, start: (topic: TopicId, kind: AnyKind) => Host) {
    this.kinds = kinds
    this.start = start
  }

  /** Hands a message to its topic's host, started when needed; refuses it when that cannot be. */
  send(topic: TopicId, message: Message): void {
    const kind = this.kinds.get(kindOf(topic))
    if (kind === undefined) return refuse(message, notFound)
    if (!this.open) return refuse(message, stopping)
    let host = this.hosts.get(topic)
    if (host === undefined) this.hosts.set(topic, host = this.start(topic, kind))
    if (host.offer(message)) return
    refuse(message, crowded)
    if (message._tag === "Wake") host.wakeLater()
  }

  readonly post = (topic: TopicId, submission: Submission): void => this.send(topic, submit(submission))

  /** Has a topic look at its clock and at what it is owed, loading it when needed. */
  wake(topic: TopicId): void {
    this.send(topic, { _tag: "Wake" })
  }

  /** A command that its topic does not decide goes on to another, with everything it came with. */
  readonly forward: Surroundings["forward"] = (topic, input, from) => {
    const decoded = this.decode(topic, input)
    if (decoded === undefined) return answer(from, Result.fail(internal))
    this.post(topic, { ...from.submission, ...decoded, reply: (outcome) => answer(from, outcome) })
  }

  /** What another topic says to this one, as its kind's answer; undefined when it does not understand it. */
  decode(topic: TopicId, json: unknown): { readonly input: unknown } | undefined {
    const kind = this.kinds.get(kindOf(topic))
    const decoded = kind === undefined ? undefined : Codecs.of(kind).decodeAnswer(json)
    return decoded === undefined || Exit.isFailure(decoded) ? undefined : { input: decoded.value }
  }

  look(topic: TopicId, reader?: Author): Effect.Effect<View, CommandRefused> {
    return Effect.callback<View, CommandRefused>((resume) =>
      this.send(topic, {
        _tag: "Look",
        reader,
        use: (view) => resume(Effect.mapError(Effect.fromResult(view), refused(topic)))
      })
    )
  }

  /** Takes nothing more; what is queued is still done. */
  close(): void {
    this.open = false
    for (const host of this.hosts.values()) Queue.endUnsafe(host.queue)
  }
}

const refused = (topic: TopicId) => (rejection: Rejection) => new CommandRefused({ topic, rejection })

/** Decides on the durable state and throws the result away (THR11). A forwarded command is simulated where it goes. */
const makeSimulate = (registry: Registry, seed: () => number, now: () => number) => {
  const simulate: Topics["Service"]["simulate"] = Effect.fnUntraced(function*(topic, { author, id, input }) {
    const { kind, state } = yield* registry.look(topic)
    const tried = Result.try(() => step(kind, state, input, { id, author, now: now(), seed: seed() }))
    const decided = Result.isSuccess(tried) ? tried.success : Result.fail(internal)
    const outcome = yield* Effect.mapError(Effect.fromResult(decided), refused(topic))
    if (!("_tag" in outcome)) return { events: outcome.events, intents: outcome.issued }
    const forwarded = registry.decode(outcome.topic, outcome.input)
    if (forwarded === undefined) return yield* refused(topic)(internal)
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
  const performers = yield* Performers

  const registry: Registry = new Registry(kinds, (topic, kind) => {
    const host = new Host(topic, kind, around)
    run(host.run)
    return host
  })
  const intents = yield* Intents.make(performers.perform, registry.post)
  const wakes = yield* Wakes.make(clock, (topic) => registry.wake(topic))
  const around: Surroundings = {
    directory,
    log,
    limits,
    now: () => clock.currentTimeMillisUnsafe(),
    seed: () => Entropy.word(random),
    uuid: () => Entropy.uuid(random),
    intents,
    arm: wakes.arm,
    forward: registry.forward,
    left: (topic) => registry.hosts.delete(topic)
  }
  const fibers = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(fibers)<never>()
  yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(() => registry.close()), FiberSet.awaitEmpty(fibers)))
  yield* performers.register<Tell>("Tell", Intents.makeTell(kinds, registry.post))
  return { registry, around }
})

/** Takes idle topics out of memory (ROO8). */
const sweep = Effect.fnUntraced(function*(registry: Registry, every: number) {
  while (true) {
    yield* Effect.sleep(every)
    for (const host of registry.hosts.values()) if (host.idle) host.offer({ _tag: "Rest" })
  }
})

/** Loads what is owed something; the alarm clock is enough for what only waits for a time (TOP6). */
const makeRecover = (registry: Registry, { arm, log }: Surroundings): Effect.Effect<void> =>
  log.waiting.pipe(
    Effect.tapError((error) => Effect.logError("what waits cannot be read from the log; trying again", error)),
    Effect.retry(Schedule.spaced("1 second")),
    Effect.orDie,
    Effect.map((waiting) => {
      for (const { owed, topic, wakeAt } of waiting) {
        arm(topic, wakeAt)
        if (owed) registry.wake(topic)
      }
    })
  )

const make = Effect.fnUntraced(function*(options: Options) {
  const limits: Limits.Limits = { ...Limits.defaults, ...options.limits }
  const { around, registry } = yield* makeRegistry(limits)
  yield* Effect.forkScoped(sweep(registry, limits.passivateAfter / 2))
  const { hosts } = registry
  return Topics.of({
    post: registry.post,
    submit: (topic, command) => Effect.mapError(Intents.ask(registry.post, topic, command), refused(topic)),
    subscribe: (topic, subscriber, from, reply) => registry.send(topic, { _tag: "Subscribe", subscriber, from, reply }),
    unsubscribe: (topic, id) => {
      const host = hosts.get(topic)
      // At once, and again in the queue for a subscription that is still waiting there.
      host?.subscribers.remove(id)
      host?.offer({ _tag: "Unsubscribe", id })
    },
    broadcast: (topic, frame) => hosts.get(topic)?.subscribers.deliver(frame),
    state: (topic, reader) =>
      Effect.flatMap(
        registry.look(topic, reader),
        ({ mayRead, state }) => mayRead(reader) ? Effect.succeed(state) : Effect.fail(refused(topic)(notFound))
      ),
    simulate: makeSimulate(registry, around.seed, around.now),
    recover: makeRecover(registry, around),
    stats: Effect.sync(() => ({
      live: hosts.size,
      subscriptions: [...hosts.values()].reduce((sum, host) => sum + host.subscribers.size, 0)
    }))
  })
})

/** Topics held by this process. On closing, everything that was accepted into a queue is still decided and stored. */
export const layer = (options: Options = {}): Layer.Layer<Topics, never, Directory | EventLog | Kinds | Performers> =>
  Layer.effect(Topics, make(options))
