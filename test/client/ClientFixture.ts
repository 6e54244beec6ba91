/**
 * One client machine, one scripted server and the network between them, moved
 * by hand: nothing is delivered, lost or repeated unless a test says so.
 */
import { Result } from "effect"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import type { Config, Intent, OutgoingMessage, State, UntimedMessage } from "../../src/client/ClientModel.ts"
import * as ConnectionLifecycle from "../../src/client/ConnectionLifecycle.ts"
import type { Replica } from "../../src/client/Replica.ts"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import type * as Room from "../../src/domain/room/RoomModel.ts"
import { me, ScriptedServer, topic, uuid } from "./ScriptedServer.ts"

export const config: Config = {
  kinds: new Map([[roomKind.name, roomKind]]),
  me,
  instance: "3f0c8a3e-94a3-4d4c-b9c4-2a8d5b1e0001",
  host: "choir.test"
}

export class ClientFixture extends ScriptedServer {
  state: State = ClientMachine.initial(config)
  /** What the client sent and the server has not read. */
  toServer: Array<OutgoingMessage> = []
  /** Every intent of the client, in order. */
  readonly intents: Array<Intent> = []
  readonly outcomes = new Map<string, ReadonlyArray<boolean>>()
  /** Whether anybody can connect. */
  serverReachable = true

  constructor() {
    super(me)
    this.dispatch({ _tag: "TopicWatched", topic })
    this.dispatch({ _tag: "Started" })
  }

  get socket(): number {
    return ConnectionLifecycle.activeSocket(this.state.connection)
  }

  /** Puts a message to the client, and plays the shell to what it wants. */
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
        return void this.toServer.push(intent.envelope)
      case "Sign":
        return this.dispatch({ _tag: "ChallengeSigned", socket: intent.socket, signature: "c2lnbmVk" })
      case "CompleteCommand":
        return void this.outcomes.set(intent.id, [
          ...this.outcomes.get(intent.id) ?? [],
          Result.isSuccess(intent.outcome)
        ])
      case "CompleteQuery":
      case "EmitEvents":
        return undefined
    }
  }

  private dropConnection(): void {
    this.toServer = []
    this.resetConnection()
  }

  /** The connection is cut: what is under way is lost. */
  cutConnection(code: number = 1006): void {
    const { socket } = this
    this.dropConnection()
    if (socket !== -1) this.dispatch({ _tag: "SocketClosed", socket, code, random: 0.5 })
  }

  /** Lets time pass to the client's next wake, at most `millis` away. */
  advanceTime(millis: number): void {
    const timerAt = ClientMachine.nextTimerAt(this.state)
    this.now = timerAt === undefined || timerAt > this.now + millis ? this.now + millis : Math.max(timerAt, this.now)
    if (timerAt !== undefined && timerAt <= this.now) this.dispatch({ _tag: "TimerFired", random: 0.5 })
  }

  /** The server reads one message. */
  serverReceive(): boolean {
    const message = this.toServer.shift()
    if (message !== undefined) this.handleMessage(message)
    return message !== undefined
  }

  /** The client reads one frame, or reads it `times` times over. */
  clientReceive(times = 1): boolean {
    const value = this.toClient.shift()
    if (value === undefined) return false
    for (let i = 0; i < times; i++) this.dispatch({ _tag: "FrameReceived", socket: this.socket, value })
    return true
  }

  /** A delta that is on its way is lost. */
  dropDelta(): void {
    const index = this.toClient.findIndex((frame) => (frame as { readonly type: string }).type === "delta")
    if (index !== -1) this.toClient.splice(index, 1)
  }

  /** Everything that can arrive arrives. */
  runUntilQuiescent(): void {
    for (let i = 0; i < 10_000; i++) {
      if (this.serverReceive() || this.clientReceive()) continue
      if (ClientMachine.phase(this.state)._tag === "Subscribed" && this.state.outbox.length === 0) return
      this.advanceTime(60_000)
    }
  }

  submitCommand(n: number, command: Room.Command): void {
    this.dispatch({ _tag: "CommandSubmitted", id: CommandId.make(uuid(n)), topic, command, seed: n })
  }

  /** The server's log was restored to an earlier point: another epoch (SYN8). */
  restoreLog(): void {
    this.log = this.log.slice(0, Math.max(2, this.log.length - 1))
    this.seqByCommandId.clear()
    this.epoch = `${this.epoch}'`
    this.cutConnection(closeCode.stateReset)
  }
}

/** The client's copy. */
export const clientReplica = (fixture: ClientFixture): Replica => fixture.state.replicas.get(topic)!
/** What has been said in a room. */
export const postContents = (state: unknown): ReadonlyArray<unknown> =>
  (state as Room.State).posts.map((post) => post.content)

/** Connected, and subscribed. */
export const onlineFixture = (): ClientFixture => {
  const fixture = new ClientFixture()
  fixture.runUntilQuiescent()
  return fixture
}
