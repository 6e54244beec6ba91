/** A client's machine, the server's machine for each of its connections, the user's budgets, and a wire that stalls. */
import * as Link from "../../src/client/Link.ts"
import * as Machine from "../../src/client/Machine.ts"
import type { Config, Intent, Message } from "../../src/client/Model.ts"
import * as Connection from "../../src/domain/connection/Connection.ts"
import * as Incoming from "../../src/domain/connection/Incoming.ts"
import { CommandId, ConnectionId, TopicId } from "../../src/domain/Ids.ts"
import { shipped } from "../../src/domain/kinds/Kinds.ts"
import { defaults } from "../../src/domain/Limits.ts"
import { encode, type ServerMessage } from "../../src/domain/Protocol.ts"
import type { AnyKind } from "../../src/domain/Topic.ts"
import * as Replies from "../../src/layers/connection/Replies.ts"
import * as Users from "../../src/layers/connection/Users.ts"
import * as Counter from "../support/Counter.ts"
import { me, uuid } from "./ScriptedServer.ts"

const arena: AnyKind = { ...Counter.kind, name: "arena", budget: { perMinute: 240, burst: 3 } }
const kinds = new Map([...shipped, [arena.name, arena] as const])
const limits = { ...defaults, messagesPerMinute: 60, messageBurst: 3, inFlight: 8, rateStrikes: 200 }
const read = Incoming.reader(kinds, limits)
const config: Config = { kinds, me, instance: uuid(0xabc), host: undefined }
const challenge = { nonce: "bm9uY2U", audience: "http://choir.test", origin: "", connection_id: "c" }

interface Line {
  state: Connection.State
  /** What the client sent and the server has not read, and the other way. */
  readonly toServer: Array<string>
  readonly toClient: Array<unknown>
  readonly replies: Replies.Replies
  /** Commands that their topics have not decided yet. */
  readonly posted: Array<() => void>
}

export class BothSides {
  now = 1_000_000
  client = Machine.initial(config)
  /** By the client's number of the socket. */
  readonly lines = new Map<number, Line>()
  readonly users = Users.make<Line>(limits, kinds)
  private account: Users.Account<Line> | undefined
  /** Commands in the order in which they reached topics first, by budget. */
  readonly accepted = { room: new Array<number>(), arena: new Array<number>() }
  private names = 0

  constructor() {
    this.put({ _tag: "Started" })
  }

  private get socket(): number {
    return Link.socketOf(this.client.link)
  }

  // -- The client --

  put(message: Message extends infer M ? M extends Message ? Omit<M, "at"> : never : never): void {
    const [state, intents] = Machine.step(config, this.client, { ...message, at: this.now } as Message)
    this.client = state
    for (const intent of intents) this.perform(intent)
  }

  private perform(intent: Intent): void {
    if (intent._tag === "Open") {
      this.lines.set(intent.socket, {
        state: Connection.open(ConnectionId.make(`c${intent.socket}`), this.now),
        toServer: [],
        toClient: [],
        replies: Replies.make(),
        posted: []
      })
      this.put({ _tag: "Opened", socket: intent.socket })
    }
    if (intent._tag === "Send") this.lines.get(intent.socket)?.toServer.push(JSON.stringify(intent.envelope))
    if (intent._tag === "Sign") this.put({ _tag: "Signed", socket: intent.socket, signature: "A".repeat(86) })
  }

  call(n: number, kind: "room" | "arena"): void {
    const topic = TopicId.make(kind === "room" ? "room:a" : "arena:a")
    const command = kind === "room" ? { _tag: "send_message", content: n } : { _tag: "add", n }
    this.put({ _tag: "Commanded", id: CommandId.make(uuid(n)), topic, command, seed: 0 })
  }

  /** The client reads one message. */
  hear(): boolean {
    const value = this.lines.get(this.socket)?.toClient.shift()
    if (value !== undefined) this.put({ _tag: "Received", socket: this.socket, value })
    return value !== undefined
  }

  cut(): void {
    if (this.socket !== -1) this.put({ _tag: "Closed", socket: this.socket, code: 1006, random: 0.1 })
  }

  pass(millis: number): void {
    this.now += millis
    const due = Machine.nextWake(this.client)
    if (due !== undefined && due <= this.now) this.put({ _tag: "Ticked", random: 0.1 })
  }

  // -- The server --

  /** The server reads one message of the newest line, or of one that the client has given up. */
  read(old = false): boolean {
    const found = [...this.lines].find(([socket, { toServer }]) =>
      toServer.length > 0 && (socket === this.socket) !== old
    )
    const [, line] = found ?? []
    const text = line?.toServer.shift()
    if (line === undefined || text === undefined) return false
    const result = read(text)
    if (result._tag === "Failure") throw new TypeError(result.failure.message)
    const account = line.state.user === null ? undefined : this.account
    const draw = this.users.draw(account, line.state, result.success, this.now)
    const slot = Replies.open(line.replies)
    this.dispatch(line, { _tag: "Heard", at: this.now, bytes: 100, incoming: result.success, ...draw }, slot)
    this.done(line, slot)
    return true
  }

  private dispatch(line: Line, message: Connection.Message, slot: Replies.Slot): void {
    const [state, intents] = Connection.step(line.state, message, limits)
    line.state = state
    for (const intent of intents) this.carryOut(line, intent, slot)
  }

  private carryOut(line: Line, intent: Connection.Intent, slot: Replies.Slot): void {
    const at = this.now
    switch (intent._tag) {
      case "Draw":
        return this.dispatch(line, {
          _tag: "Drawn",
          ref: intent.ref,
          public_key: me,
          challenge: { ...challenge, issued_at: at, expires_at: at + 60_000 }
        }, slot)
      case "Verify":
      case "Resume":
        // AUT7: the older connection of this instance does nothing more.
        for (const other of this.lines.values()) if (other !== line) other.toServer.length = 0
        return this.dispatch(line, {
          _tag: "SignedIn",
          at,
          ref: intent.ref,
          user: me,
          session: "s",
          expires_at: at + 1e9
        }, slot)
      case "Welcome":
        this.account = this.users.enter(me, line)
        return this.say(line, slot, welcome(at + 1e9))
      case "Post": {
        const n = Number.parseInt(intent.ref.slice(-12), 16)
        const order = this.accepted[intent.topic === "room:a" ? "room" : "arena"]
        if (!order.includes(n)) order.push(n)
        slot.waiting += 1
        line.posted.push(() => {
          this.say(line, slot, { _tag: "receipt", ref_id: intent.ref, topic: intent.topic, seq: 1 })
          this.dispatch(line, { _tag: "Settled", topic: intent.topic, code: null, message: "" }, slot)
          this.done(line, slot)
        })
        return undefined
      }
      case "Answer":
        return this.say(line, slot, intent.message)
    }
  }

  private say(line: Line, slot: Replies.Slot, message: ServerMessage): void {
    const text = encode(message, { id: uuid(0xffff_0000 + this.names++), timestamp: this.now })
    Replies.say(line.replies, slot, { text, lane: { _tag: "Reply" } }, this.leave(line))
  }

  private done(line: Line, slot: Replies.Slot): void {
    Replies.done(line.replies, slot, this.leave(line))
  }

  private leave(line: Line): Replies.Taker {
    return { deliver: ({ text }) => void line.toClient.push(JSON.parse(text)) }
  }

  /** A topic decides the oldest command. */
  decide(): boolean {
    for (const { posted } of this.lines.values()) {
      const next = posted.shift()
      next?.()
      if (next !== undefined) return true
    }
    return false
  }

  /** Another device of the same person spends what there is. */
  drain(kind: "room" | "arena"): void {
    const state = Connection.open(ConnectionId.make("other"), this.now)
    const incoming = {
      _tag: "Command",
      id: CommandId.make("other"),
      topic: TopicId.make(kind === "room" ? "room:a" : "arena:a"),
      command: null
    } as const
    while (this.users.draw(this.account, state, incoming, this.now).wait === 0) continue
  }

  settle(): void {
    for (let i = 0; i < 5_000; i++) {
      if (this.hear() || this.read() || this.decide()) continue
      if (this.client.link._tag === "Online" && this.client.outbox.length === 0) return
      this.pass(250)
    }
  }
}

const welcome = (expires_at: number): ServerMessage => ({
  _tag: "init",
  user: { public_key: me, balance: 0 },
  threads: [],
  session_token: "dG9rZW4",
  expires_at,
  connection_id: "c",
  ping_interval: 30_000,
  pong_timeout: 5_000,
  chorus: { model: "test", offline: true }
})

/** Signed in. */
export const online = (): BothSides => {
  const both = new BothSides()
  both.settle()
  return both
}
