/** One client machine and a scripted server. The test delivers, drops and repeats each message between them. */
import { Result } from "effect"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import type { Config, Intent, OutgoingMessage, State, UntimedMessage } from "../../src/client/ClientModel.ts"
import * as ConnectionLifecycle from "../../src/client/ConnectionLifecycle.ts"
import { hashDelay, type Replica } from "../../src/client/Replica.ts"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { saltOf } from "./RoomLog.ts"
import { me, ScriptedServer, topic, uuid } from "./ScriptedServer.ts"

export const config: Config = {
  kinds: new Map([[roomKind.name, roomKind]]),
  me,
  instance: "3f0c8a3e-94a3-4d4c-b9c4-2a8d5b1e0001",
  host: "choir.test",
  signCommands: false
}

export class ClientFixture extends ScriptedServer {
  state: State = ClientMachine.initial(config)
  /** Messages in flight to the server. */
  toServer: Array<OutgoingMessage> = []
  /** All intents of the client, in order. */
  readonly intents: Array<Intent> = []
  readonly outcomes = new Map<string, ReadonlyArray<boolean>>()
  /** The ids of answered queries, once per answer. */
  readonly answeredQueries: Array<string> = []
  /** The codes of failed queries; undefined for those that succeeded. */
  readonly queryFailures: Array<string | undefined> = []
  /** The commands that were sent on this connection and have no answer. */
  readonly unansweredCommands = new Set<string>()
  /** Whether a connection attempt succeeds. */
  serverReachable = true

  constructor() {
    super(me)
    this.dispatch({ _tag: "TopicWatched", topic })
    this.dispatch({ _tag: "Started" })
  }

  get socket(): number {
    return ConnectionLifecycle.activeSocket(this.state.connection)
  }

  /** Steps the machine and executes its intents. */
  dispatch(message: UntimedMessage): void {
    const [state, intents] = ClientMachine.step(config, this.state, { ...message, at: this.now })
    this.state = state
    this.intents.push(...intents)
    for (const intent of intents) this.executeIntent(intent)
  }

  private executeIntent(intent: Intent): void {
    switch (intent._tag) {
      case "Open":
        this.dropConnection()
        return this.serverReachable
          ? this.dispatch({ _tag: "SocketOpened", socket: intent.socket })
          : this.dispatch({ _tag: "SocketClosed", socket: intent.socket, code: 1006, random: 1 })
      case "Close":
        return void this.dropConnection()
      case "Send":
        this.toServer.push(intent.envelope)
        if (roomKind.commands.has(intent.envelope.type)) this.unansweredCommands.add(intent.envelope.id)
        return undefined
      case "Sign":
        return this.dispatch({ _tag: "ChallengeSigned", socket: intent.socket, signature: "c2lnbmVk" })
      case "CompleteCommand":
        return void this.outcomes.set(intent.id, [
          ...this.outcomes.get(intent.id) ?? [],
          Result.isSuccess(intent.outcome)
        ])
      case "CompleteQuery":
        this.queryFailures.push(Result.isFailure(intent.outcome) ? intent.outcome.failure.code : undefined)
        return void this.answeredQueries.push(intent.id)
      case "EmitEvents":
        return undefined
    }
  }

  private dropConnection(): void {
    this.toServer = []
    this.unansweredCommands.clear()
    this.resetConnection()
  }

  /** Cuts the connection; messages in flight are lost. */
  cutConnection(code: number = 1006): void {
    const { socket } = this
    this.dropConnection()
    if (socket !== -1) this.dispatch({ _tag: "SocketClosed", socket, code, random: 0.5 })
  }

  /** Advances time to the client's next timer, at most by `millis`. */
  advanceTime(millis: number): void {
    const timerAt = ClientMachine.nextTimerAt(this.state)
    this.now = timerAt === undefined || timerAt > this.now + millis ? this.now + millis : Math.max(timerAt, this.now)
    if (timerAt !== undefined && timerAt <= this.now) this.dispatch({ _tag: "TimerFired", random: 0.5 })
  }

  /** Delivers one message to the server. */
  serverReceive(): boolean {
    const message = this.toServer.shift()
    if (message !== undefined) this.handleMessage(message)
    return message !== undefined
  }

  /** Delivers one frame to the client, `times` times. */
  clientReceive(times = 1): boolean {
    const value = this.toClient.shift()
    if (value === undefined) return false
    const { ref_id } = (value as { readonly payload: { readonly ref_id?: string | null } }).payload
    this.unansweredCommands.delete(ref_id ?? "")
    for (let i = 0; i < times; i++) this.dispatch({ _tag: "FrameReceived", socket: this.socket, value })
    return true
  }

  /** Drops one delta in flight. */
  dropDelta(): void {
    const index = this.toClient.findIndex((frame) => (frame as { readonly type: string }).type === "delta")
    if (index !== -1) this.toClient.splice(index, 1)
  }

  /** Delivers messages and advances time until the client is subscribed and everything it asked for is answered. */
  runUntilQuiescent(): void {
    for (let i = 0; i < 10_000; i++) {
      if (this.serverReceive() || this.clientReceive()) continue
      const { outbox, pendingQueries } = this.state
      const isAnswered = outbox.length === 0 && pendingQueries.length === 0
      if (isAnswered && ClientMachine.phase(this.state)._tag === "Subscribed") return
      this.advanceTime(60_000)
    }
  }

  submitCommand(n: number, command: RoomModel.CommandInput): void {
    const id = CommandId.make(uuid(n))
    this.dispatch({ _tag: "CommandSubmitted", id, topic, command, seed: n, salt: saltOf(id) })
  }

  submitQuery(n: number): void {
    this.dispatch({ _tag: "QuerySubmitted", id: uuid(n), query: { _tag: "get_user" }, topic: undefined })
  }

  submitSignOut(n: number): void {
    this.dispatch({ _tag: "QuerySubmitted", id: uuid(n), query: { _tag: "sign_out" }, topic: undefined })
  }

  /** Submits the oldest pending command again, as a caller may that does not know what became of it. */
  submitAgain(): void {
    const [pending] = this.state.outbox
    if (pending !== undefined) this.dispatch({ ...pending, _tag: "CommandSubmitted", salt: saltOf(pending.id) })
  }

  /** Restores the server's log to an earlier point, with another epoch (SYN8). */
  restoreLog(): void {
    this.log = this.log.slice(0, Math.max(2, this.log.length - 1))
    this.seqByCommandId.clear()
    this.epoch = `${this.epoch}'`
    this.cutConnection(closeCode.stateReset)
  }
}

/** The client's replica. */
export const clientReplica = (fixture: ClientFixture): Replica => fixture.state.replicas.get(topic)!
/** The contents of the messages in a room's state. */
export const messageContents = (state: unknown): ReadonlyArray<unknown> =>
  (state as RoomModel.State).messages.map(({ content }) => JSON.parse(content.text ?? "null"))

/** Online and subscribed. */
export const onlineFixture = (): ClientFixture => {
  const fixture = new ClientFixture()
  fixture.runUntilQuiescent()
  // The hash of the first snapshot has been compared.
  fixture.advanceTime(hashDelay)
  return fixture
}

/** Online, with no message in flight. */
export const quietFixture = (): ClientFixture => {
  const fixture = onlineFixture()
  fixture.toServer = []
  fixture.toClient = []
  return fixture
}

/** The types of the messages that the server has not read. */
export const sentTypes = (fixture: ClientFixture): ReadonlyArray<string> =>
  fixture.toServer.map((message) => message.type)
