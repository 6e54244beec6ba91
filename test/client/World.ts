/**
 * One client machine, one scripted server and the network between them, moved
 * by hand: nothing is delivered, lost or repeated unless a test says so.
 */
import { Result } from "effect"
import * as Link from "../../src/client/Link.ts"
import * as Machine from "../../src/client/Machine.ts"
import type { Config, Intent, Message, Sent, State } from "../../src/client/Model.ts"
import { closeCode } from "../../src/domain/CloseCode.ts"
import { CommandId, type Position, TopicId, UserId } from "../../src/domain/Ids.ts"
import { room } from "../../src/domain/kinds/Room.ts"
import type * as Room from "../../src/domain/kinds/RoomModel.ts"
import type { EventView, ServerMessage } from "../../src/domain/Protocol.ts"
import { encode } from "../../src/domain/Protocol.ts"
import { fold } from "../../src/domain/Topic.ts"

export const me = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
export const other = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
export const topic = TopicId.make("room:lobby")
export const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`

export const config: Config = {
  kinds: new Map([[room.name, room]]),
  me,
  instance: "3f0c8a3e-94a3-4d4c-b9c4-2a8d5b1e0001",
  host: "choir.test"
}

const token = "dG9rZW4"

/** A server of one room that answers when it is asked to, with a log that a test can look into. */
export class ScriptedServer {
  now = 1_000_000
  /** Frames on their way to the client, in order. */
  toClient: Array<unknown> = []
  /** The ids under which each command reached the server. */
  readonly arrivals: Array<string> = []
  log: Array<EventView> = []
  epoch = "e1"
  /** How the next command is taken. */
  next: "take" | "rate_limited" | "unavailable" = "take"
  protected readonly seqs = new Map<string, number>()
  private signedIn = false
  private subscribed = false
  private counter = 0
  private readonly user: UserId

  constructor(user: UserId) {
    this.user = user
    for (const [index, member] of [user, other].entries()) this.append(uuid(index), member, { _tag: "join_room" })
  }

  /** The connection is gone, and with it what was under way. */
  disconnect(): void {
    this.toClient = []
    this.signedIn = false
    this.subscribed = false
  }

  say(message: ServerMessage, about: TopicId | undefined = topic): void {
    this.toClient.push(JSON.parse(encode(message, {
      id: uuid(0xffff_0000 + this.counter++),
      timestamp: this.now,
      thread_id: about
    })))
  }

  get position(): Position {
    return { epoch: this.epoch, seq: this.log.length }
  }

  /** The state after the first `seq` events. */
  at(seq: number): unknown {
    return fold(room, room.initial(topic), this.log.slice(0, seq).map((view) => view.event as Room.Event))
  }

  /** What `author` asks becomes events, and a delta for whoever listens. */
  append(id: string, author: UserId, command: Room.Command): number | undefined {
    const state = this.at(this.log.length) as Room.State
    const decision = room.decide(state, command, { id: CommandId.make(id), author, now: this.now, seed: 0 })
    if (Result.isFailure(decision) || decision.success._tag === "Forward") return undefined
    const from = this.log.length
    const events = decision.success.events.map((event, index): EventView => ({
      seq: from + index + 1,
      at: this.now,
      cause: CommandId.make(id),
      author,
      event
    }))
    this.log.push(...events)
    if (this.subscribed && events.length > 0) this.say({ _tag: "delta", from, to: this.log.length, events })
    return this.log.length
  }

  /** Takes one message, and says what there is to say to it. */
  answer(message: Sent): void {
    const ref_id = message.id
    switch (message.type) {
      case "connect":
        return this.say({
          _tag: "challenge",
          nonce: "bm9uY2U",
          audience: "http://choir.test",
          origin: "",
          connection_id: "c1",
          issued_at: this.now,
          expires_at: this.now + 60_000
        }, undefined)
      case "auth":
      case "resume":
        this.signedIn = true
        return this.say({
          _tag: "init",
          user: { public_key: this.user, balance: 10_000 },
          threads: [],
          session_token: token,
          expires_at: this.now + 900_000,
          connection_id: "c1",
          ping_interval: 30_000,
          pong_timeout: 5_000,
          chorus: { model: "test", offline: true }
        }, undefined)
      case "renew":
        return this.say({ _tag: "renewed", session_token: token, expires_at: this.now + 900_000, ref_id }, undefined)
      case "heartbeat":
        return this.say({ _tag: "heartbeat", ref_id }, undefined)
      case "subscribe":
        this.subscribed = this.signedIn
        return this.catchUp(ref_id, message.payload["position"] as Position | undefined)
      case "ack":
      case "signal":
      case "unsubscribe":
        return undefined
      default:
        return this.carryOut(message)
    }
  }

  private catchUp(ref_id: string, from: Position | undefined): void {
    const whole = from === undefined || from.epoch !== this.epoch || this.log.length - from.seq > 2
    this.say({
      _tag: "subscribed",
      ref_id,
      position: this.position,
      presence: [],
      signals: [],
      ...(whole
        ? { mode: "snapshot", state: this.at(this.log.length) as never }
        : { mode: "deltas", events: this.log.slice(from.seq) })
    })
  }

  private carryOut({ id, payload, type }: Sent): void {
    this.arrivals.push(id)
    const known = this.seqs.get(id)
    if (known !== undefined) return this.say({ _tag: "receipt", ref_id: id, topic, seq: known, dup: true })
    const how = this.next
    this.next = "take"
    if (how !== "take") {
      return this.say({
        _tag: "error",
        ref_id: id,
        code: how,
        message: "not now",
        retryable: true,
        ...(how === "rate_limited" ? { retry_after_ms: 500 } : {})
      })
    }
    const seq = this.append(id, this.user, { ...payload, _tag: type } as Room.Command)
    if (seq === undefined) {
      return this.say({ _tag: "error", ref_id: id, code: "rule_violated", message: "no", retryable: false })
    }
    this.seqs.set(id, seq)
    this.say({ _tag: "receipt", ref_id: id, topic, seq })
  }
}

export class World extends ScriptedServer {
  state: State = Machine.initial(config)
  /** What the client sent and the server has not read. */
  toServer: Array<Sent> = []
  /** Every intent of the client, in order. */
  readonly intents: Array<Intent> = []
  readonly outcomes = new Map<string, ReadonlyArray<boolean>>()
  /** Whether anybody can connect. */
  up = true

  constructor() {
    super(me)
    this.put({ _tag: "Watched", topic })
    this.put({ _tag: "Started" })
  }

  get socket(): number {
    return Link.socketOf(this.state.link)
  }

  /** Puts a message to the client, and plays the shell to what it wants. */
  put(message: Message extends infer M ? M extends Message ? Omit<M, "at"> : never : never): void {
    const [state, intents] = Machine.step(config, this.state, { ...message, at: this.now } as Message)
    this.state = state
    this.intents.push(...intents)
    for (const intent of intents) this.perform(intent)
  }

  private perform(intent: Intent): void {
    switch (intent._tag) {
      case "Open":
        this.hangUp()
        return this.up
          ? this.put({ _tag: "Opened", socket: intent.socket })
          : this.put({ _tag: "Closed", socket: intent.socket, code: 1006, random: 1 })
      case "Close":
        return void this.hangUp()
      case "Send":
        return void this.toServer.push(intent.envelope)
      case "Sign":
        return this.put({ _tag: "Signed", socket: intent.socket, signature: "c2lnbmVk" })
      case "Settle":
        return void this.outcomes.set(intent.id, [
          ...this.outcomes.get(intent.id) ?? [],
          Result.isSuccess(intent.outcome)
        ])
      case "Reply":
      case "Tell":
        return undefined
    }
  }

  private hangUp(): void {
    this.toServer = []
    this.disconnect()
  }

  /** The connection is cut: what is under way is lost. */
  cut(code: number = 1006): void {
    const { socket } = this
    this.hangUp()
    if (socket !== -1) this.put({ _tag: "Closed", socket, code, random: 0.5 })
  }

  /** Lets time pass to the client's next wake, at most `millis` away. */
  pass(millis: number): void {
    const due = Machine.nextWake(this.state)
    this.now = due === undefined || due > this.now + millis ? this.now + millis : Math.max(due, this.now)
    if (due !== undefined && due <= this.now) this.put({ _tag: "Ticked", random: 0.5 })
  }

  /** The server reads one message. */
  serve(): boolean {
    const message = this.toServer.shift()
    if (message !== undefined) this.answer(message)
    return message !== undefined
  }

  /** The client reads one frame, or reads it `times` times over. */
  deliver(times = 1): boolean {
    const value = this.toClient.shift()
    if (value === undefined) return false
    for (let i = 0; i < times; i++) this.put({ _tag: "Received", socket: this.socket, value })
    return true
  }

  /** A delta that is on its way is lost. */
  lose(): void {
    const index = this.toClient.findIndex((frame) => (frame as { readonly type: string }).type === "delta")
    if (index !== -1) this.toClient.splice(index, 1)
  }

  /** Everything that can arrive arrives. */
  settle(): void {
    for (let i = 0; i < 10_000; i++) {
      if (this.serve() || this.deliver()) continue
      if (Machine.phase(this.state)._tag === "Subscribed" && this.state.outbox.length === 0) return
      this.pass(60_000)
    }
  }

  command(n: number, command: Room.Command): void {
    this.put({ _tag: "Commanded", id: CommandId.make(uuid(n)), topic, command, seed: n })
  }

  /** The server's log was restored to an earlier point: another epoch (SYN8). */
  restore(): void {
    this.log = this.log.slice(0, Math.max(2, this.log.length - 1))
    this.seqs.clear()
    this.epoch = `${this.epoch}'`
    this.cut(closeCode.stateReset)
  }
}
