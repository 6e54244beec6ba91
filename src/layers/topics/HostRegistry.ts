/** The hosts of this process by topic: starts a host with the first message to its topic, and delivers messages to it. */
import { type Clock, Effect, Exit, Queue, Result } from "effect"
import { type Author, kindOf, type TopicId } from "../../domain/protocol/Ids.ts"
import { notFound, type Rejection } from "../../domain/protocol/Rejection.ts"
import { internalRejection } from "../../domain/topic/CommandBatch.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { IntentHandler } from "../../services/IntentHandlers.ts"
import { CommandRejected, type CommandRequest } from "../../services/Topics.ts"
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

/** The dependencies of hosts that the registry does not provide itself. */
export interface RegistryDependencies
  extends Omit<HostDependencies, "forward" | "unregister" | "intentRunner" | "scheduleTimer">
{
  readonly kinds: ReadonlyMap<string, AnyKind>
  readonly clock: Clock.Clock
  readonly handleIntent: IntentHandler
  readonly intentFibers: IntentRunner.IntentFibers
  /** Runs a host's fiber. */
  readonly runHost: (host: Effect.Effect<void>) => void
  /** Runs the timer queue's one fiber. */
  readonly runTimers: (loop: Effect.Effect<void>) => void
}

const queueFull = rejectUnavailable("too much is queued for this topic; try again")
const serverStopping = rejectUnavailable("the server is stopping; try again")

/** A rejection as the error of a topic. */
export const toCommandRejected = (topic: TopicId) => (rejection: Rejection): CommandRejected =>
  new CommandRejected({ topic, rejection })

/** All hosts of this process. */
export class HostRegistry {
  readonly hosts = new Map<TopicId, TopicHost>()
  readonly timers: TimerQueue.TimerQueue
  private readonly dependencies: RegistryDependencies
  private readonly hostDependencies: HostDependencies
  private isOpen = true

  constructor(dependencies: RegistryDependencies) {
    const { clock, handleIntent, intentFibers, runTimers } = dependencies
    this.dependencies = dependencies
    this.timers = TimerQueue.make(clock, runTimers, (topic) => this.sendTimerFired(topic))
    this.hostDependencies = {
      ...dependencies,
      intentRunner: IntentRunner.make(intentFibers, handleIntent, this.post),
      scheduleTimer: this.timers.schedule,
      forward: ({ input, topic }, message) => {
        const decoded = this.decodeAnswer(topic, input)
        if (decoded === undefined) return replyOnce(message, Result.fail(internalRejection))
        this.post(topic, { ...message.request, ...decoded, reply: (outcome) => replyOnce(message, outcome) })
      },
      unregister: (topic) => this.hosts.delete(topic)
    }
  }

  /** Queues a command for its topic. */
  readonly post = (topic: TopicId, request: CommandRequest): void => this.send(topic, submitMessage(request))

  /** Queues a message for its topic's host, or rejects it. */
  send(topic: TopicId, message: HostMessage): void {
    const kind = this.dependencies.kinds.get(kindOf(topic))
    if (kind === undefined) return rejectMessage(message, notFound)
    if (!this.isOpen) return rejectMessage(message, serverStopping)
    const host = this.hosts.get(topic) ?? this.startHost(topic, kind)
    if (host.enqueue(message)) return
    rejectMessage(message, queueFull)
    if (message._tag === "TimerFired") host.timers.retryWake()
  }

  private startHost(topic: TopicId, kind: AnyKind): TopicHost {
    const host = new TopicHost(topic, kind, this.hostDependencies)
    this.hosts.set(topic, host)
    this.dependencies.runHost(host.run)
    return host
  }

  /** Has a topic check its timers and outstanding intents, loading it when needed. */
  sendTimerFired(topic: TopicId): void {
    this.send(topic, { _tag: "TimerFired" })
  }

  /** An input from another topic, decoded as an answer of this topic's kind; undefined when it is none. */
  decodeAnswer(topic: TopicId, json: unknown): { readonly input: unknown } | undefined {
    const kind = this.dependencies.kinds.get(kindOf(topic))
    const decoded = kind === undefined ? undefined : KindCodecs.codecsFor(kind).decodeAnswer(json)
    return decoded === undefined || Exit.isFailure(decoded) ? undefined : { input: decoded.value }
  }

  /** The topic as it is after the messages queued so far. */
  readTopic(topic: TopicId, reader?: Author): Effect.Effect<TopicView, CommandRejected> {
    return Effect.callback<TopicView, CommandRejected>((resume) =>
      this.send(topic, {
        _tag: "ReadTopic",
        reader,
        reply: (view) => resume(Effect.mapError(Effect.fromResult(view), toCommandRejected(topic)))
      })
    )
  }

  /** Rejects new messages; queued ones are still served. */
  close(): void {
    this.isOpen = false
    for (const host of this.hosts.values()) Queue.endUnsafe(host.queue)
  }
}
