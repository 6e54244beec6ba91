/**
 * A thread on a server, and clients of it as the page's tabs have them: commands are decided by the thread's own rules, once
 * per id, and answered when the test says so.
 */
import { Effect, Result, Stream } from "effect"
import { type Client, commandId, commandSalt, type Topic, type View } from "../../../src/client/Client.ts"
import { ClientError, errorReason } from "../../../src/client/ClientError.ts"
import * as ClientMachine from "../../../src/client/ClientMachine.ts"
import type { Receipt, State } from "../../../src/client/ClientModel.ts"
import * as Replica from "../../../src/client/Replica.ts"
import { CommandId, type TopicId, type UserId } from "../../../src/domain/protocol/Ids.ts"
import type { Rejection } from "../../../src/domain/protocol/Rejection.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import { fold } from "../../../src/domain/topic/Topic.ts"
import { inputOf } from "../../support/SealedFixture.ts"
import { topicId, userId } from "../../support/TopicWorld.ts"

/** A command that the server got. */
interface ReceivedCommand {
  readonly id: string
  readonly salt: string
  readonly author: UserId
  readonly command: ThreadModel.CommandInput
}

const unused = () => Effect.die("not a part of this server")

/** The thread `thread:t` of alice, who is user 0. */
export class ThreadServer {
  readonly id: TopicId = topicId("thread:t")
  state: ThreadModel.State = threadKind.initial(this.id)
  /** Every command that arrived, repeats included. */
  readonly received: Array<ReceivedCommand> = []
  /** Whether answers wait for `answer`. */
  isHeld = false
  /** Decides in place of the thread, if set. */
  rejection: Rejection | undefined
  balance = 10_000
  isModelOffline = false
  private readonly outcomes = new Map<string, Result.Result<Receipt, ClientError>>()
  private readonly held: Array<{ readonly resume: () => void; readonly reject: (error: ClientError) => void }> = []
  private readonly listeners = new Set<() => void>()

  constructor() {
    this.decide("create", userId(0), { _tag: "create_thread", name: "Bridges" })
  }

  /** Decides a command of a user; a repeated one has the outcome of the first. */
  decide(id: string, author: UserId, command: ThreadModel.CommandInput): Result.Result<Receipt, ClientError> {
    const known = this.outcomes.get(id)
    if (known !== undefined) return known
    const decision = this.rejection === undefined
      ? threadKind.decide(this.state, inputOf(threadKind, command), { id: CommandId.make(id), author, now: 1, seed: 0 })
      : Result.fail(this.rejection)
    if (Result.isSuccess(decision) && decision.success._tag === "Accept") {
      this.state = fold(threadKind, this.state, decision.success.events)
    }
    const outcome = Result.isSuccess(decision)
      ? Result.succeed({ topic: this.id, seq: this.state.version })
      : Result.fail(new ClientError({ reason: errorReason(decision.failure.code, decision.failure.message) }))
    this.outcomes.set(id, outcome)
    this.notify()
    return outcome
  }

  /** Answers what waits. */
  answer(): void {
    for (const { resume } of this.held.splice(0)) resume()
  }

  /** Closes the clients, whose commands have no answer. */
  close(): void {
    const error = new ClientError({ reason: errorReason("closed", "The connection was closed.") })
    for (const { reject } of this.held.splice(0)) reject(error)
  }

  /** What others see of the thread. */
  get contents(): ReadonlyArray<string | null> {
    return this.state.messages.map((message) => message.content.text)
  }

  /** Tells the clients that the state of the thread or of their user is another. */
  notify(): void {
    for (const listener of this.listeners) listener()
  }

  private readonly subscribe = (listener: () => void): () => void => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private submit(received: ReceivedCommand): Promise<Receipt> {
    this.received.push(received)
    const { promise, reject, resolve } = Promise.withResolvers<Receipt>()
    const resume = () => {
      const outcome = this.decide(received.id, received.author, received.command)
      if (Result.isSuccess(outcome)) resolve(outcome.success)
      else reject(outcome.failure)
    }
    if (this.isHeld) this.held.push({ resume, reject })
    else resume()
    return promise
  }

  private topicOf(me: UserId): Topic<ThreadModel.State, ThreadModel.CommandInput> {
    let view: View<ThreadModel.State> | undefined
    const read = (): View<ThreadModel.State> => {
      if (view?.state !== this.state) {
        const { state } = this
        const position = { epoch: "e", seq: state.version }
        view = { ...Replica.make(this.id, threadKind), position, confirmed: state, base: state, state }
      }
      return view
    }
    return {
      id: this.id,
      view: read,
      onView: (listener) => this.subscribe(() => listener(read())),
      onEvents: () => () => {},
      views: Stream.die("not a part of this server"),
      [Symbol.asyncIterator]: () => Stream.toAsyncIterable(Stream.empty)[Symbol.asyncIterator](),
      send: unused,
      sendPromise: (command, id = commandId(), salt = commandSalt()) => this.submit({ id, salt, author: me, command }),
      signal: () => {}
    }
  }

  /** A client of a user. */
  client(me: UserId = userId(0)): Client {
    const config = { kinds: new Map(), me, instance: "i".repeat(36), host: undefined, signCommands: false }
    const initial = ClientMachine.initial(config)
    let state: State | undefined
    const topic = this.topicOf(me)
    return {
      me,
      state: () => {
        const isOffline = this.isModelOffline
        if (state?.init?.user.balance !== this.balance || state.init.chorus.offline !== isOffline) {
          state = { ...initial, init: this.initOf(me) }
        }
        return state
      },
      phase: () => ClientMachine.phase(initial),
      onChange: this.subscribe,
      start: () => {},
      stop: () => {},
      topic: () => topic as never,
      threads: unused,
      messages: unused,
      user: unused(),
      signOut: unused()
    }
  }

  private initOf(me: UserId): State["init"] {
    return {
      user: { public_key: me, balance: this.balance },
      threads: [],
      session_token: "t".repeat(43),
      expires_at: 1,
      connection_id: "c",
      audience: "choir.test",
      ping_interval: 1,
      pong_timeout: 1,
      chorus: { model: "test", offline: this.isModelOffline }
    } as never
  }
}
