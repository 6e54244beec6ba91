/** A client's machine and the server's connection machines and rate limits, with a network that the test drives. */
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import type { Config, Intent, UntimedMessage } from "../../src/client/ClientModel.ts"
import * as ConnectionLifecycle from "../../src/client/ConnectionLifecycle.ts"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import * as Connection from "../../src/domain/connection/Connection.ts"
import * as FrameDecoder from "../../src/domain/connection/FrameDecoder.ts"
import { CommandId, ConnectionId, TopicId } from "../../src/domain/protocol/Ids.ts"
import { defaults } from "../../src/domain/protocol/Limits.ts"
import { encodeServerMessage, type ServerMessage } from "../../src/domain/protocol/Protocol.ts"
import type { AnyKind } from "../../src/domain/topic/Topic.ts"
import * as ReplyOrder from "../../src/layers/delivery/ReplyOrder.ts"
import * as UserBudgets from "../../src/layers/gateway/UserBudgets.ts"
import * as CounterKind from "../support/CounterKind.ts"
import { saltOf } from "./RoomLog.ts"
import { audience, me, uuid } from "./ScriptedServer.ts"

const arenaKind: AnyKind = { ...CounterKind.kind, name: "arena", budget: { perMinute: 240, burst: 3 } }
const kinds = new Map([...builtInKinds, [arenaKind.name, arenaKind] as const])
const limits = { ...defaults, messagesPerMinute: 60, messageBurst: 3, inFlight: 8, rateStrikes: 200 }
const decodeFrame = FrameDecoder.makeDecoder(kinds, limits)
const config: Config = { kinds, me, instance: uuid(0xabc), host: undefined, signCommands: false }
const challenge = { nonce: "bm9uY2U", audience, origin: "", connection_id: "c" }

/** One connection as the server sees it. */
export interface PairedConnection {
  state: Connection.ConnectionState
  /** Messages in flight. */
  readonly toServer: Array<string>
  readonly toClient: Array<unknown>
  readonly replies: ReplyOrder.ReplyOrder
  /** Submitted commands without a decision. */
  readonly undecided: Array<() => void>
}

export class ClientServerPair {
  now = 1_000_000
  client = ClientMachine.initial(config)
  /** By the client's socket number. */
  readonly connections = new Map<number, PairedConnection>()
  readonly budgets = UserBudgets.make<PairedConnection>(limits, kinds)
  /** The connection whose user is signed in; older ones are fenced (AUT7). */
  protected current: PairedConnection | undefined
  private userBudget: UserBudgets.UserBudget<PairedConnection> | undefined
  /** By budget, the commands in the order in which they first reached a topic. */
  readonly acceptedOrder = { room: new Array<number>(), arena: new Array<number>() }
  private messageCount = 0

  private get socket(): number {
    return ConnectionLifecycle.activeSocket(this.client.connection)
  }

  // -- The client --

  dispatchToClient(message: UntimedMessage): void {
    const [state, intents] = ClientMachine.step(config, this.client, { ...message, at: this.now })
    this.client = state
    for (const intent of intents) this.executeClientIntent(intent)
  }

  private executeClientIntent(intent: Intent): void {
    if (intent._tag === "Open") {
      this.connections.set(intent.socket, {
        state: Connection.initial(ConnectionId.make(`c${intent.socket}`), this.now),
        toServer: [],
        toClient: [],
        replies: ReplyOrder.make(),
        undecided: []
      })
      this.dispatchToClient({ _tag: "SocketOpened", socket: intent.socket })
    }
    if (intent._tag === "Send") this.connections.get(intent.socket)?.toServer.push(JSON.stringify(intent.envelope))
    if (intent._tag === "Sign") {
      this.dispatchToClient({ _tag: "ChallengeSigned", socket: intent.socket, signature: "A".repeat(86) })
    }
  }

  submitCommand(n: number, kind: "room" | "arena"): void {
    const topic = TopicId.make(kind === "room" ? "room:a" : "arena:a")
    const command = kind === "room" ? { _tag: "send_message", content: n } : { _tag: "add", n }
    const id = CommandId.make(uuid(n))
    this.dispatchToClient({ _tag: "CommandSubmitted", id, topic, command, seed: 0, salt: saltOf(id) })
  }

  /** Delivers one message to the client. */
  clientReceive(): boolean {
    const value = this.connections.get(this.socket)?.toClient.shift()
    if (value !== undefined) this.dispatchToClient({ _tag: "FrameReceived", socket: this.socket, value })
    return value !== undefined
  }

  cutConnection(): void {
    if (this.socket !== -1) {
      this.dispatchToClient({ _tag: "SocketClosed", socket: this.socket, code: 1006, random: 0.1 })
    }
  }

  advanceTime(millis: number): void {
    this.now += millis
    const due = ClientMachine.nextTimerAt(this.client)
    if (due !== undefined && due <= this.now) this.dispatchToClient({ _tag: "TimerFired", random: 0.1 })
  }

  // -- The server --

  /** Delivers one message to the server, of the newest connection or of one that the client has dropped. */
  serverReceive(fromOldConnection = false): boolean {
    const found = [...this.connections].find(([socket, { toServer }]) =>
      toServer.length > 0 && (socket === this.socket) !== fromOldConnection
    )
    const [, connection] = found ?? []
    const text = connection?.toServer.shift()
    if (connection === undefined || text === undefined) return false
    const result = decodeFrame(text)
    if (result._tag === "Failure") throw new TypeError(result.failure.message)
    const account = connection.state.user === null ? undefined : this.userBudget
    const draw = this.budgets.consume(account, connection.state, result.success, this.now)
    const slot = ReplyOrder.openSlot(connection.replies)
    this.dispatchToServer(connection, {
      _tag: "MessageReceived",
      at: this.now,
      bytes: 100,
      incoming: result.success,
      ...draw
    }, slot)
    this.finish(connection, slot)
    return true
  }

  protected dispatchToServer(
    connection: PairedConnection,
    message: Connection.Message,
    slot: ReplyOrder.ReplySlot
  ): void {
    const [state, intents] = Connection.step(connection.state, message, limits)
    connection.state = state
    for (const intent of intents) this.executeServerIntent(connection, intent, slot)
  }

  protected executeServerIntent(
    connection: PairedConnection,
    intent: Connection.Intent,
    slot: ReplyOrder.ReplySlot
  ): void {
    const at = this.now
    switch (intent._tag) {
      case "IssueChallenge":
        return this.dispatchToServer(connection, {
          _tag: "ChallengeIssued",
          ref: intent.ref,
          public_key: me,
          challenge: { ...challenge, issued_at: at, expires_at: at + 60_000 }
        }, slot)
      case "VerifySignature":
      case "ResumeSession":
        // AUT7: the older connections of this instance are fenced.
        for (const other of this.connections.values()) if (other !== connection) other.toServer.length = 0
        this.current = connection
        return this.dispatchToServer(connection, {
          _tag: "SignedIn",
          at,
          ref: intent.ref,
          user: me,
          session: "s",
          expires_at: at + 1e9
        }, slot)
      case "SendInit":
        this.userBudget = this.budgets.addConnection(me, connection)
        return this.reply(connection, slot, initMessage(at + 1e9))
      case "SubmitCommand": {
        const n = Number.parseInt(intent.ref.slice(-12), 16)
        const order = this.acceptedOrder[intent.topic === "room:a" ? "room" : "arena"]
        if (!order.includes(n)) order.push(n)
        slot.pendingCount += 1
        connection.undecided.push(() => {
          this.reply(connection, slot, { _tag: "receipt", ref_id: intent.ref, topic: intent.topic, seq: 1 })
          this.completeRequest(connection, slot, intent.topic)
        })
        return undefined
      }
      case "SendReply":
        return this.reply(connection, slot, intent.message)
    }
  }

  protected reply(
    connection: PairedConnection,
    slot: ReplyOrder.ReplySlot,
    message: ServerMessage,
    topic?: TopicId
  ): void {
    const frame = { text: this.encode(message, topic), lane: { _tag: "Reply" } } as const
    ReplyOrder.reply(connection.replies, slot, frame, this.frameSink(connection))
  }

  protected encode(message: ServerMessage, thread_id?: TopicId): string {
    const id = uuid(0xffff_0000 + this.messageCount++)
    return encodeServerMessage(message, { id, timestamp: this.now, thread_id })
  }

  /** A request that was started has its reply. */
  protected completeRequest(connection: PairedConnection, slot: ReplyOrder.ReplySlot, topic: TopicId): void {
    this.dispatchToServer(connection, { _tag: "RequestCompleted", topic, code: null, message: "" }, slot)
    this.finish(connection, slot)
  }

  private finish(connection: PairedConnection, slot: ReplyOrder.ReplySlot): void {
    ReplyOrder.complete(connection.replies, slot, this.frameSink(connection))
  }

  protected frameSink(connection: PairedConnection): ReplyOrder.FrameSink {
    return { deliver: ({ text }) => void connection.toClient.push(JSON.parse(text)) }
  }

  /** Decides the oldest submitted command. */
  decideOldest(): boolean {
    for (const { undecided } of this.connections.values()) {
      const next = undecided.shift()
      next?.()
      if (next !== undefined) return true
    }
    return false
  }

  /** Another device of the user consumes the rest of a budget. */
  exhaustBudget(kind: "room" | "arena"): void {
    const state = Connection.initial(ConnectionId.make("other"), this.now)
    const incoming = {
      _tag: "Command",
      id: CommandId.make("other"),
      topic: TopicId.make(kind === "room" ? "room:a" : "arena:a"),
      command: null,
      timestamp: this.now
    } as const
    while (this.budgets.consume(this.userBudget, state, incoming, this.now).wait === 0) continue
  }

  runUntilQuiescent(): void {
    for (let i = 0; i < 5_000; i++) {
      if (this.clientReceive() || this.serverReceive() || this.decideOldest()) continue
      if (this.client.connection._tag === "Online" && this.client.outbox.length === 0) return
      this.advanceTime(250)
    }
  }
}

const initMessage = (expires_at: number): ServerMessage => ({
  _tag: "init",
  user: { public_key: me, balance: 0 },
  threads: [],
  session_token: "dG9rZW4",
  expires_at,
  connection_id: "c",
  audience,
  ping_interval: 30_000,
  pong_timeout: 5_000,
  chorus: { model: "test", offline: true }
})

/** A pair that is online. */
export const onlinePair = (): ClientServerPair => {
  const pair = new ClientServerPair()
  pair.dispatchToClient({ _tag: "Started" })
  pair.runUntilQuiescent()
  return pair
}
