/** The hosts of this process by topic: starts a host with the first message to its topic, and delivers messages to it. */
import { type Clock, Effect, Queue, Result } from "effect"
import { type Author, isUser, kindOf, type TopicId } from "../../domain/protocol/Ids.ts"
import { notFound, type Rejection } from "../../domain/protocol/Rejection.ts"
import { codecsFor } from "../../domain/topic/KindCodecs.ts"
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
      intentRunner: IntentRunner.make(
        intentFibers,
        handleIntent,
        (topic, json) => this.decodeAnswer(topic, json),
        this.submit
      ),
      scheduleTimer: this.timers.schedule,
      forward: ({ input, topic }, message) => {
        const decoded = this.decodeAnswer(topic, input)
        if (Result.isFailure(decoded)) {
          this.logRefused(message.request.author, topic, decoded.failure)
          return replyOnce(message, Result.fail(decoded.failure))
        }
        const request = { ...message.request, input: decoded.success }
        this.submit(topic, { ...request, reply: (outcome) => replyOnce(message, outcome) })
      },
      unregister: (topic) => this.hosts.delete(topic)
    }
  }

  /** Queues a command whose input is decoded. */
  readonly submit = (topic: TopicId, request: CommandRequest): void => this.send(topic, submitMessage(request))

  /**
   * Queues a command. Users' commands were decoded where they were received; the inputs of the server's own code, which a
   * third party may have written, are decoded here.
   */
  readonly post = (topic: TopicId, request: CommandRequest): void => {
    const kind = this.dependencies.kinds.get(kindOf(topic))
    if (kind === undefined || isUser(request.author)) return this.submit(topic, request)
    const decoded = codecsFor(kind).decodeInput(request.input)
    if (Result.isSuccess(decoded)) return this.submit(topic, { ...request, input: decoded.success })
    this.logRefused(request.author, topic, decoded.failure)
    rejectMessage(submitMessage(request), IntentRunner.inputInvalid(decoded.failure))
  }

  private logRefused(author: Author, topic: TopicId, { message }: { readonly message: string }): void {
    this.dependencies.runHost(Effect.logError(`an input of ${author} to ${topic} is refused: ${message}`))
  }

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

  /** An input from another topic, decoded as an answer of this topic's kind. */
  decodeAnswer(topic: TopicId, json: unknown): Result.Result<unknown, Rejection> {
    const kind = this.dependencies.kinds.get(kindOf(topic))
    return kind === undefined
      ? Result.fail(IntentRunner.kindMissing(topic))
      : Result.mapError(codecsFor(kind).decodeAnswer(json), IntentRunner.inputInvalid)
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
