/**
 * Runs `Machine` on a real WebSocket, clock, randomness and key. It holds no
 * rules: what happens becomes a message, and what the machine wants is carried out.
 */
import { Clock, Effect, FiberHandle, FiberSet, Random, type Result } from "effect"
import { InOrder } from "../domain/connection/InOrder.ts"
import { CommandId, type TopicId } from "../domain/Ids.ts"
import { controlTypes, type EventView, subprotocol } from "../domain/Protocol.ts"
import * as SignedCommand from "../domain/SignedCommand.ts"
import type { AnyKind } from "../domain/Topic.ts"
import type { Fault } from "./Fault.ts"
import type { Identity } from "./Keys.ts"
import * as Machine from "./Machine.ts"
import type { Answer, Config, Intent, Message, Receipt, Sent, State } from "./Model.ts"
import * as Page from "./Page.ts"

/** As much of a WebSocket as is needed. */
export interface Socket {
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
  readonly connect?: (url: string, protocol: string) => Socket
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
export type Undated<M> = M extends unknown ? Omit<M, "at"> : never

/** A running machine. */
export interface Driver {
  readonly state: () => State
  /** Puts a message to the machine and carries out what it wants. From within that, it waits its turn. */
  readonly dispatch: (message: Undated<Message>) => void
  readonly listeners: Set<() => void>
  readonly tellers: Set<(topic: TopicId, events: ReadonlyArray<EventView>) => void>
  /** Who waits for the outcome of which command or question. */
  readonly waiting: Map<string, (outcome: Result.Result<Receipt | Answer, Fault>) => void>
  readonly random: () => number
}

const openSocket = (url: string, protocol: string): Socket => new WebSocket(url, [protocol])

/** Runs a machine until the scope ends. It does nothing before the first message. */
export const drive = Effect.fnUntraced(function*(options: Options, url: string, config: Config) {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const runTimer = yield* FiberHandle.makeRuntime<never>()
  const run = yield* FiberSet.makeRuntime<never>()
  const connect = options.connect ?? openSocket
  const driver = {
    listeners: new Set<() => void>(),
    tellers: new Set<(topic: TopicId, events: ReadonlyArray<EventView>) => void>(),
    waiting: new Map<string, (outcome: Result.Result<Receipt | Answer, Fault>) => void>()
  }
  const sockets = new Map<number, Socket>()
  /** What is about topics leaves in order, however long a signature takes. */
  let toTopics = new InOrder()
  const inbox: Array<Message> = []
  let state = Machine.initial(config)
  let wakeAt: number | undefined
  let busy = false

  const dispatch = (message: Undated<Message>): void => {
    inbox.push({ ...message, at: Math.round(clock.currentTimeMillisUnsafe()) } as Message)
    if (busy) return
    busy = true
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
      const [stepped, intents] = Machine.step(config, state, next)
      state = stepped
      for (const intent of intents) perform(intent)
    }
    busy = false
    rearm()
    for (const listener of driver.listeners) guard(listener)
  }

  /** Somebody else's callback must not stop ours. */
  const guard = (call: () => void): void => {
    try {
      call()
    } catch (cause) {
      run(Effect.logError("a listener of the Choir client threw", cause))
    }
  }

  const rearm = (): void => {
    const due = Machine.nextWake(state)
    if (due === wakeAt) return
    wakeAt = due
    if (due === undefined) return void runTimer(Effect.void)
    const wait = Math.max(0, due - clock.currentTimeMillisUnsafe())
    runTimer(Effect.andThen(
      Effect.sleep(wait),
      Effect.sync(() => {
        wakeAt = undefined
        dispatch({ _tag: "Ticked", random: random.nextDoubleUnsafe() })
      })
    ))
  }

  const openOne = (socket: number): void => {
    const closed = (code: number) => {
      sockets.delete(socket)
      dispatch({ _tag: "Closed", socket, code, random: random.nextDoubleUnsafe() })
    }
    try {
      const opened = connect(url, subprotocol)
      sockets.set(socket, opened)
      toTopics = new InOrder()
      opened.addEventListener("open", () => dispatch({ _tag: "Opened", socket }))
      opened.addEventListener("message", (event) => {
        const value = parse(field(event, "data"))
        if (value !== undefined) dispatch({ _tag: "Received", socket, value })
      })
      opened.addEventListener("close", (event) => {
        const code = field(event, "code")
        closed(typeof code === "number" ? code : 1006)
      })
      // A close always follows, and the browser tells no more than that.
      opened.addEventListener("error", () => {})
    } catch {
      closed(1006)
    }
  }

  const send = (socket: number, envelope: Sent): void => {
    const { id, payload, thread_id: topic, timestamp, type } = envelope
    const leave = (message: object) => sockets.get(socket)?.send(JSON.stringify(message))
    if (topic === undefined) return leave(envelope)
    if (config.signCommands !== true || controlTypes.has(type)) return toTopics.after(() => leave(envelope))
    const turn = toTopics.enter()
    const text = SignedCommand.text(CommandId.make(id), {
      topic,
      timestamp,
      command: { ...payload, _tag: type } as never
    })
    run(
      options.identity.sign(text).pipe(Effect.match({
        onSuccess: (signature) => turn(() => leave({ ...envelope, signature })),
        onFailure: () => turn(() => dispatch({ _tag: "SigningFailed", socket }))
      }))
    )
  }

  const perform = (intent: Intent): void => {
    switch (intent._tag) {
      case "Open":
        return openOne(intent.socket)
      case "Close":
        sockets.get(intent.socket)?.close(intent.code)
        return void sockets.delete(intent.socket)
      case "Send":
        return send(intent.socket, intent.envelope)
      case "Sign":
        return void run(
          options.identity.sign(intent.text).pipe(Effect.match({
            onSuccess: (signature) => dispatch({ _tag: "Signed", socket: intent.socket, signature }),
            onFailure: () => dispatch({ _tag: "SigningFailed", socket: intent.socket })
          }))
        )
      case "Settle":
      case "Reply": {
        const answer = driver.waiting.get(intent.id)
        driver.waiting.delete(intent.id)
        return answer?.(intent.outcome)
      }
      case "Tell":
        for (const tell of driver.tellers) guard(() => tell(intent.topic, intent.events))
    }
  }

  yield* Effect.acquireRelease(
    Effect.sync(() => Page.whenShown(() => dispatch({ _tag: "Shown" }))),
    (forget) =>
      Effect.sync(() => {
        forget()
        dispatch({ _tag: "Stopped" })
      })
  )
  const made: Driver = {
    ...driver,
    state: () => state,
    dispatch,
    random: () => random.nextDoubleUnsafe()
  }
  return made
})

/** The JSON in a text frame; undefined for anything else. */
const parse = (data: unknown): unknown => {
  if (typeof data !== "string") return undefined
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

const field = (event: unknown, name: string): unknown =>
  typeof event === "object" && event !== null ? Reflect.get(event, name) : undefined
