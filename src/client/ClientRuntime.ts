/**
 * Runs `ClientMachine` on a real socket, clock, random source and key: inputs become messages, intents become effects.
 * Has no rules of its own.
 */
import { Clock, Effect, FiberHandle, FiberSet, Random } from "effect"
import type { Instant } from "../domain/protocol/Ids.ts"
import type { Attestation } from "../domain/protocol/Principal.ts"
import type { AnyKind } from "../domain/topic/Topic.ts"
import { ClientError, errorReason } from "./ClientError.ts"
import { ClientListeners, type EventListener, OutcomeCallbacks, type Unsubscribe } from "./ClientListeners.ts"
import * as ClientMachine from "./ClientMachine.ts"
import type { Config, Intent, Message, Query, QueryResponse, Receipt, State, UntimedMessage } from "./ClientModel.ts"
import { ClientSockets, type Connect } from "./ClientSockets.ts"
import type { Identity } from "./Keys.ts"
import * as PageLifecycle from "./PageLifecycle.ts"

/** How to reach a server, and as whom. */
export interface Options {
  /** The server: `http://127.0.0.1:4100`, `https://…`, `ws://…` or `wss://…`. */
  readonly url: string
  readonly identity: Identity
  /** What the owner of this key allows it: the client acts as the owner's agent (AUT8). `Keys.attest` makes it. */
  readonly attestation?: Attestation
  /** Kinds of topic; the client learns others when `topic` is called with them. */
  readonly kinds?: ReadonlyArray<AnyKind>
  /** Opens a socket; by default with the global `WebSocket`, which Node has since version 22. */
  readonly connect?: Connect
  /**
   * Whether to sign only challenges whose audience is the host in `url` (SEC3); true by default. May be false where
   * no other server can reach the key, as in a page that signs for its own origin only.
   */
  readonly checkAudience?: boolean
  /** Whether to sign each command by itself, so that the log proves its author (AUT5); false by default. */
  readonly signCommands?: boolean
  /** Makes ids; by default random version 4 UUIDs. */
  readonly uuid?: () => string
}

/** A running machine. */
export interface ClientRuntime {
  readonly state: () => State
  /** Steps the machine and executes its intents. Reentrant: a message that an intent causes is queued. */
  readonly dispatch: (message: UntimedMessage) => void
  /** Calls back after each change of the state. */
  readonly onChange: (listener: () => void) => Unsubscribe
  /** Calls back with durable events as replicas apply them. */
  readonly onEvents: (listener: EventListener) => Unsubscribe
  /**
   * Submits a command and waits for its outcome. When the fiber is interrupted the command is withdrawn, unless it may
   * have taken effect. Fails with `closed` after the client's scope has ended.
   */
  readonly sendCommand: (message: Omit<CommandMessage, "_tag" | "seed">) => Effect.Effect<Receipt, ClientError>
  /** Submits a query and waits for its answer. Fails with `closed` after the client's scope has ended. */
  readonly sendQuery: (
    id: string,
    query: Query,
    topic?: QueryMessage["topic"]
  ) => Effect.Effect<QueryResponse, ClientError>
}

type CommandMessage = Extract<UntimedMessage, { readonly _tag: "CommandSubmitted" }>
type QueryMessage = Extract<UntimedMessage, { readonly _tag: "QuerySubmitted" }>

/** The effects that the runtime cannot perform itself. */
interface Environment {
  readonly now: () => Instant
  /** In [0, 1). */
  readonly random: () => number
  /** Runs an effect until it ends or the client's scope does. */
  readonly run: (effect: Effect.Effect<void>) => unknown
  /** Like `run`, but ends the effect before it. */
  readonly runTimer: (effect: Effect.Effect<void>) => unknown
}

/** Makes a runtime that is stopped with the scope. It is idle until the first message. */
export const makeClientRuntime = Effect.fnUntraced(function*(options: Options, url: string, config: Config) {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const runTimer = yield* FiberHandle.makeRuntime<never>()
  const run = yield* FiberSet.makeRuntime<never>()
  const runner = new MachineRunner(options, url, config, {
    now: () => Math.round(clock.currentTimeMillisUnsafe()),
    random: () => random.nextDoubleUnsafe(),
    run,
    runTimer
  })
  yield* Effect.acquireRelease(
    Effect.sync(() => [
      PageLifecycle.onVisible(() => runner.dispatch({ _tag: "PageShown" })),
      PageLifecycle.onBlocked(url, () => runner.dispatch({ _tag: "SocketUnusable", problem: blockedByPage }))
    ]),
    (removals) =>
      Effect.sync(() => {
        for (const removeListener of removals) removeListener()
        runner.close()
      })
  )
  return runner.runtime
})

class MachineRunner {
  private readonly config: Config
  private readonly identity: Identity
  private readonly environment: Environment
  private readonly sockets: ClientSockets
  private readonly listeners: ClientListeners
  private readonly commands = new OutcomeCallbacks<Receipt>()
  private readonly queries = new OutcomeCallbacks<QueryResponse>()
  private readonly mailbox: Array<Message> = []
  private state: State
  private draining = false
  private closed = false
  private timerAt: Instant | undefined

  constructor(options: Options, url: string, config: Config, environment: Environment) {
    this.config = config
    this.identity = options.identity
    this.environment = environment
    this.state = ClientMachine.initial(config)
    this.listeners = new ClientListeners((cause) =>
      void environment.run(Effect.logError("A listener of the Choir client threw", cause))
    )
    this.sockets = new ClientSockets({
      url,
      connect: options.connect ?? openWebSocket,
      identity: options.identity,
      signCommands: config.signCommands,
      owner: config.attestation?.owner,
      dispatch: (message) => this.dispatch(message),
      random: environment.random,
      run: environment.run
    })
  }

  readonly runtime: ClientRuntime = {
    state: () => this.state,
    dispatch: (message) => this.dispatch(message),
    onChange: (listener) => this.listeners.onChange(listener),
    onEvents: (listener) => this.listeners.onEvents(listener),
    sendCommand: ({ command, id, salt, topic }) =>
      this.closed ? clientClosed : this.commands.awaitOutcome(
        id,
        () => {
          const seed = Math.floor(this.environment.random() * 2 ** 32)
          this.dispatch({ _tag: "CommandSubmitted", id, topic, command, seed, salt })
        },
        () => this.dispatch({ _tag: "CommandWithdrawn", id })
      ),
    sendQuery: (id, query, topic) =>
      this.closed
        ? clientClosed
        : this.queries.awaitOutcome(id, () => this.dispatch({ _tag: "QuerySubmitted", id, query, topic }))
  }

  /** Stops for good. */
  close(): void {
    this.dispatch({ _tag: "Stopped" })
    this.closed = true
  }

  dispatch(message: UntimedMessage): void {
    if (this.closed) return
    this.mailbox.push({ ...message, at: this.environment.now() })
    if (this.draining) return
    this.draining = true
    for (let next = this.mailbox.shift(); next !== undefined; next = this.mailbox.shift()) {
      const [state, intents] = ClientMachine.step(this.config, this.state, next)
      this.state = state
      for (const intent of intents) this.executeIntent(intent)
    }
    this.draining = false
    this.scheduleTimer()
    this.listeners.notifyChange()
  }

  private scheduleTimer(): void {
    const timerAt = ClientMachine.nextTimerAt(this.state)
    if (timerAt === this.timerAt) return
    this.timerAt = timerAt
    const { now, random, runTimer } = this.environment
    if (timerAt === undefined) return void runTimer(Effect.void)
    runTimer(Effect.andThen(
      Effect.sleep(Math.max(0, timerAt - now())),
      Effect.sync(() => {
        this.timerAt = undefined
        this.dispatch({ _tag: "TimerFired", random: random() })
      })
    ))
  }

  private executeIntent(intent: Intent): void {
    switch (intent._tag) {
      case "Open":
        return this.sockets.open(intent.socket)
      case "Close":
        return this.sockets.close(intent.socket, intent.code)
      case "Send":
        return this.sockets.send(intent)
      case "Sign":
        return this.signChallenge(intent.socket, intent.text)
      case "CompleteCommand":
        return this.commands.complete(intent.id, intent.outcome)
      case "CompleteQuery":
        return this.queries.complete(intent.id, intent.outcome)
      case "EmitEvents":
        return this.listeners.notifyEvents(intent.topic, intent.events)
    }
  }

  private signChallenge(socket: number, text: string): void {
    this.environment.run(
      this.identity.sign(text).pipe(Effect.match({
        onSuccess: (signature) => this.dispatch({ _tag: "ChallengeSigned", socket, signature }),
        onFailure: () => this.dispatch({ _tag: "SigningFailed", socket })
      }))
    )
  }
}

const clientClosed = Effect.fail(
  new ClientError({ reason: errorReason("closed", "This client was closed: make another one.") })
)

const blockedByPage = "this page's content security policy (connect-src) does not allow the server's address"

const openWebSocket: Connect = (url, protocol) => {
  if (typeof WebSocket === "undefined") {
    throw new TypeError("this runtime has no WebSocket. Use Node 22 or later, or pass the option `connect`")
  }
  return new WebSocket(url, [protocol])
}
