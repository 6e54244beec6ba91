/**
 * Runs `Machine` on a real WebSocket, clock, randomness and key. It holds no
 * rules: what happens becomes a message, and what the machine wants is carried out.
 */
import { Clock, Effect, FiberHandle, FiberSet, Random, type Result } from "effect"
import { Sequencer } from "../domain/connection/Sequencer.ts"
import { CommandId, type TopicId } from "../domain/protocol/Ids.ts"
import { clientControlTypes, type PublishedEvent, subprotocol } from "../domain/protocol/Protocol.ts"
import * as SignedCommand from "../domain/protocol/SignedCommand.ts"
import type { AnyKind } from "../domain/topic/Topic.ts"
import type { ClientErrorReason } from "./ClientError.ts"
import * as ClientMachine from "./ClientMachine.ts"
import type { Config, Intent, Message, OutgoingMessage, QueryResponse, Receipt, State } from "./ClientModel.ts"
import type { Identity } from "./Keys.ts"
import * as PageLifecycle from "./PageLifecycle.ts"

/** As much of a WebSocket as is needed. */
export interface WebSocketLike {
  readonly send: (text: string) => void
  readonly close: (code: number) => void
  readonly addEventListener: (
    type: "open" | "message" | "close" | "error",
    listener: (event: unknown) => void
  ) => void
}

export interface Options {
  /** Where the server is: `http://127.0.0.1:4100`, `https://…`, `ws://…` or `wss://…`. */
  readonly url: string
  readonly identity: Identity
  /** The kinds of topic this client folds. */
  readonly kinds: ReadonlyArray<AnyKind>
  /** Opens a socket; the global `WebSocket` unless given. */
  readonly connect?: (url: string, protocol: string) => WebSocketLike
  /**
   * Whether to sign only for a server that calls itself by the name it was dialled by; true unless given. May be
   * false where the key cannot leave the one server's pages anyway.
   */
  readonly checkAudience?: boolean
  /** Whether to sign every command by itself, so that the log can prove who asked for what (AUT5); false unless given. */
  readonly signCommands?: boolean
  /** Makes ids: version 4 UUIDs that nobody can guess, unless given. */
  readonly uuid?: () => string
}

/** A message, before the clock was looked at. */
export type UntimedMessage<M> = M extends unknown ? Omit<M, "at"> : never

/** A running machine. */
export interface ClientRuntime {
  readonly state: () => State
  /** Puts a message to the machine and carries out what it wants. From within that, it waits its turn. */
  readonly dispatch: (message: UntimedMessage<Message>) => void
  readonly listeners: Set<() => void>
  readonly eventListeners: Set<(topic: TopicId, events: ReadonlyArray<PublishedEvent>) => void>
  /** Who waits for the outcome of which command or question. */
  readonly outcomeCallbacks: Map<string, (outcome: Result.Result<Receipt | QueryResponse, ClientErrorReason>) => void>
  readonly random: () => number
}

const openWebSocket = (url: string, protocol: string): WebSocketLike => new WebSocket(url, [protocol])

/** Runs a machine until the scope ends. It does nothing before the first message. */
export const makeClientRuntime = Effect.fnUntraced(function*(options: Options, url: string, config: Config) {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const runTimer = yield* FiberHandle.makeRuntime<never>()
  const run = yield* FiberSet.makeRuntime<never>()
  const connect = options.connect ?? openWebSocket
  const callbacks = {
    listeners: new Set<() => void>(),
    eventListeners: new Set<(topic: TopicId, events: ReadonlyArray<PublishedEvent>) => void>(),
    outcomeCallbacks: new Map<string, (outcome: Result.Result<Receipt | QueryResponse, ClientErrorReason>) => void>()
  }
  const sockets = new Map<number, WebSocketLike>()
  /** What is about topics leaves in order, however long a signature takes. */
  let topicSendOrder = new Sequencer()
  const inbox: Array<Message> = []
  let state = ClientMachine.initial(config)
  let timerAt: number | undefined
  let draining = false

  const dispatch = (message: UntimedMessage<Message>): void => {
    inbox.push({ ...message, at: Math.round(clock.currentTimeMillisUnsafe()) } as Message)
    if (draining) return
    draining = true
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
      const [nextState, intents] = ClientMachine.step(config, state, next)
      state = nextState
      for (const intent of intents) executeIntent(intent)
    }
    draining = false
    scheduleTimer()
    for (const listener of callbacks.listeners) callSafely(listener)
  }

  /** Somebody else's callback must not stop ours. */
  const callSafely = (call: () => void): void => {
    try {
      call()
    } catch (cause) {
      run(Effect.logError("a listener of the Choir client threw", cause))
    }
  }

  const scheduleTimer = (): void => {
    const nextTimerAt = ClientMachine.nextTimerAt(state)
    if (nextTimerAt === timerAt) return
    timerAt = nextTimerAt
    if (nextTimerAt === undefined) return void runTimer(Effect.void)
    const delay = Math.max(0, nextTimerAt - clock.currentTimeMillisUnsafe())
    runTimer(Effect.andThen(
      Effect.sleep(delay),
      Effect.sync(() => {
        timerAt = undefined
        dispatch({ _tag: "TimerFired", random: random.nextDoubleUnsafe() })
      })
    ))
  }

  const openConnection = (socket: number): void => {
    const closed = (code: number) => {
      sockets.delete(socket)
      dispatch({ _tag: "SocketClosed", socket, code, random: random.nextDoubleUnsafe() })
    }
    try {
      const opened = connect(url, subprotocol)
      sockets.set(socket, opened)
      topicSendOrder = new Sequencer()
      opened.addEventListener("open", () => dispatch({ _tag: "SocketOpened", socket }))
      opened.addEventListener("message", (event) => {
        const value = parseJsonFrame(readField(event, "data"))
        if (value !== undefined) dispatch({ _tag: "FrameReceived", socket, value })
      })
      opened.addEventListener("close", (event) => {
        const code = readField(event, "code")
        closed(typeof code === "number" ? code : 1006)
      })
      // A close always follows, and the browser tells no more than that.
      opened.addEventListener("error", () => {})
    } catch {
      closed(1006)
    }
  }

  const send = (socket: number, envelope: OutgoingMessage): void => {
    const { id, payload, thread_id: topic, timestamp, type } = envelope
    const transmit = (message: object) => sockets.get(socket)?.send(JSON.stringify(message))
    if (topic === undefined) return transmit(envelope)
    if (config.signCommands !== true || clientControlTypes.has(type)) {
      return topicSendOrder.enqueue(() => transmit(envelope))
    }
    const inTurn = topicSendOrder.reserve()
    const text = SignedCommand.signingInput(CommandId.make(id), {
      topic,
      timestamp,
      command: { ...payload, _tag: type } as never
    })
    run(
      options.identity.sign(text).pipe(Effect.match({
        onSuccess: (signature) => inTurn(() => transmit({ ...envelope, signature })),
        onFailure: () => inTurn(() => dispatch({ _tag: "SigningFailed", socket }))
      }))
    )
  }

  const executeIntent = (intent: Intent): void => {
    switch (intent._tag) {
      case "Open":
        return openConnection(intent.socket)
      case "Close":
        sockets.get(intent.socket)?.close(intent.code)
        return void sockets.delete(intent.socket)
      case "Send":
        return send(intent.socket, intent.envelope)
      case "Sign":
        return void run(
          options.identity.sign(intent.text).pipe(Effect.match({
            onSuccess: (signature) => dispatch({ _tag: "ChallengeSigned", socket: intent.socket, signature }),
            onFailure: () => dispatch({ _tag: "SigningFailed", socket: intent.socket })
          }))
        )
      case "CompleteCommand":
      case "CompleteQuery": {
        const complete = callbacks.outcomeCallbacks.get(intent.id)
        callbacks.outcomeCallbacks.delete(intent.id)
        return complete?.(intent.outcome)
      }
      case "EmitEvents":
        for (const listener of callbacks.eventListeners) callSafely(() => listener(intent.topic, intent.events))
    }
  }

  yield* Effect.acquireRelease(
    Effect.sync(() => PageLifecycle.onVisible(() => dispatch({ _tag: "PageShown" }))),
    (removeListener) =>
      Effect.sync(() => {
        removeListener()
        dispatch({ _tag: "Stopped" })
      })
  )
  const runtime: ClientRuntime = {
    ...callbacks,
    state: () => state,
    dispatch,
    random: () => random.nextDoubleUnsafe()
  }
  return runtime
})

/** The JSON in a text frame; undefined for anything else. */
const parseJsonFrame = (data: unknown): unknown => {
  if (typeof data !== "string") return undefined
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

const readField = (event: unknown, name: string): unknown =>
  typeof event === "object" && event !== null ? Reflect.get(event, name) : undefined
