/** The hosts of this process by topic: starts a host with the first message to its topic, and delivers messages to it. */
import { type Clock, Effect, Queue, Result } from "effect"
import { type Author, hostOf, kindOf, type TopicId } from "../../domain/protocol/Ids.ts"
import { isRetryable, notFound, type Rejection } from "../../domain/protocol/Rejection.ts"
import { noOpenings, saltSource } from "../../domain/protocol/Seal.ts"
import type { Receipt } from "../../domain/topic/Deduplication.ts"
import { codecsFor } from "../../domain/topic/KindCodecs.ts"
import { commitTexts, openingsOf } from "../../domain/topic/SealedText.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { IntentHandler } from "../../services/IntentHandlers.ts"
import { CommandRejected, type CommandRequest } from "../../services/Topics.ts"
import { sha256 } from "../eventlog/ChainVerification.ts"
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
import { type ForwardedCommand, type HostDependencies, TopicHost } from "./TopicHost.ts"

/** The dependencies of hosts that the registry does not provide itself. */
export interface RegistryDependencies
  extends Omit<HostDependencies, "forward" | "unregister" | "intentRunner" | "scheduleTimer">
{
  readonly kinds: ReadonlyMap<string, AnyKind>
  /** The tenants whose topics are served (ROO11). */
  readonly hosts: ReadonlySet<string>
  readonly clock: Clock.Clock
  readonly handleIntent: IntentHandler
  readonly intentFibers: IntentRunner.IntentFibers
  /** A random salt, for texts that come without one. */
  readonly salt: () => string
  /** Runs a host's fiber. */
  readonly runHost: (host: Effect.Effect<void>) => void
  /** Runs the timer queue's one fiber. */
  readonly runTimers: (loop: Effect.Effect<void>) => void
}

const queueFull = rejectUnavailable("too much is queued for this topic; try again")
const textUnavailable = rejectUnavailable("the text cannot be stored now; try again")
const serverStopping = rejectUnavailable("the server is stopping; try again")

/** A rejection as the error of a topic. */
export const toCommandRejected = (topic: TopicId) => (rejection: Rejection): CommandRejected =>
  new CommandRejected({ topic, rejection })

/** Whether no entry will hold the texts of a command that was passed on: it was rejected, or is a repeat with other seals. */
const isUnused = (outcome: Result.Result<Receipt, Rejection>, { isRepeatable }: CommandRequest): boolean =>
  Result.isFailure(outcome) ? !isRetryable(outcome.failure.code) : outcome.success.duplicate && isRepeatable === false

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
      forward: (from, commands) => this.forward(from, commands),
      unregister: (topic) => this.hosts.delete(topic)
    }
  }

  /** Queues a command whose input is decoded. Its texts are committed to here, if they are not yet (TOP10). */
  readonly submit = (topic: TopicId, request: CommandRequest): void =>
    this.send(topic, submitMessage(this.commitTexts(request)))

  /** Queues a command, decoding its input unless that was done where it was received. */
  readonly post = (topic: TopicId, request: CommandRequest): void => {
    if (request.isDecoded === true) return this.submit(topic, request)
    const decoded = this.decode(topic, request)
    if (Result.isSuccess(decoded)) return this.send(topic, submitMessage(decoded.success))
    rejectMessage(submitMessage(request), decoded.failure)
  }

  /** An input from outside its kind: decoded, and its texts committed to. */
  decode<R extends Omit<CommandRequest, "reply">>(topic: TopicId, request: R): Result.Result<R, Rejection> {
    const kind = this.dependencies.kinds.get(kindOf(topic))
    if (kind === undefined) return Result.fail(notFound)
    const decoded = codecsFor(kind).decodeInput(request.input)
    if (Result.isSuccess(decoded)) return Result.succeed(this.commitTexts({ ...request, input: decoded.success }))
    this.logRefused(request.author, topic, decoded.failure)
    return Result.fail(IntentRunner.inputInvalid(decoded.failure))
  }

  private commitTexts<R extends Omit<CommandRequest, "reply">>(request: R): R {
    const { id, salt } = request
    const input = commitTexts(request.input, () => saltSource(salt ?? this.dependencies.salt(), id), sha256)
    return input === request.input ? request : { ...request, input, isRepeatable: salt !== undefined }
  }

  /**
   * Passes commands on to the topics that decide them, in order. Their texts stay beside the log of the topic `from` and are
   * durable first; the other topics get their seals (TOP10).
   */
  private forward(from: TopicId, commands: ReadonlyArray<ForwardedCommand>): Effect.Effect<void> {
    const { log, now } = this.dependencies
    const open = openingsOf(commands.map(({ input }) => input))
    const stored = open === noOpenings ? Effect.void : log.setAside(from, open, now())
    return Effect.match(stored, {
      onFailure: () => commands.forEach(({ message }) => replyOnce(message, Result.fail(textUnavailable))),
      onSuccess: () => commands.forEach((command) => this.passOn(from, command))
    })
  }

  private passOn(from: TopicId, { input, message, topic }: ForwardedCommand): void {
    const { log, runHost } = this.dependencies
    const commitments = Object.keys(openingsOf(input))
    const reply = (outcome: Result.Result<Receipt, Rejection>): void => {
      if (commitments.length > 0 && isUnused(outcome, message.request)) {
        runHost(Effect.ignore(log.dropAside(from, commitments), { log: "Warn" }))
      }
      replyOnce(message, outcome)
    }
    const decoded = this.decodeAnswer(topic, JSON.parse(JSON.stringify(input)))
    if (Result.isSuccess(decoded)) return this.submit(topic, { ...message.request, input: decoded.success, reply })
    this.logRefused(message.request.author, topic, decoded.failure)
    reply(Result.fail(decoded.failure))
  }

  private logRefused(author: Author, topic: TopicId, { message }: { readonly message: string }): void {
    this.dependencies.runHost(Effect.logError(`an input of ${author} to ${topic} is refused: ${message}`))
  }

  /** Queues a message for its topic's host, or rejects it. */
  send(topic: TopicId, message: HostMessage): void {
    const kind = this.dependencies.kinds.get(kindOf(topic))
    if (kind === undefined || !this.dependencies.hosts.has(hostOf(topic))) return rejectMessage(message, notFound)
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
