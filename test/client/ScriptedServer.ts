/** A server that does what a test wants, when it wants it: one room, one connection at a time. */
import { Result } from "effect"
import type { Sent } from "../../src/client/Model.ts"
import { CommandId, type Position, TopicId, UserId } from "../../src/domain/Ids.ts"
import { room } from "../../src/domain/kinds/Room.ts"
import type * as Room from "../../src/domain/kinds/RoomModel.ts"
import { encode, type EventView, type ServerMessage } from "../../src/domain/Protocol.ts"
import * as StateHash from "../../src/domain/StateHash.ts"
import { fold } from "../../src/domain/Topic.ts"

export const me = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
export const other = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
export const topic = TopicId.make("room:lobby")
export const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`

const token = "dG9rZW4"

/** A server of one room that answers when it is asked to, with a log that a test can look into. */
export class ScriptedServer {
  now = 1_000_000
  /** Frames on their way to the client, in order. */
  toClient: Array<unknown> = []
  /** The ids under which each command reached the server. */
  readonly arrivals: Array<string> = []
  /** Each command as it arrived. */
  readonly commands: Array<Sent & { readonly signature?: string }> = []
  log: Array<EventView> = []
  epoch = "e1"
  /** What to say instead of the hash of the state. */
  said: string | undefined
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

  get hash(): string {
    return this.said ?? StateHash.of(this.at(this.log.length))
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
    if (this.subscribed && events.length > 0) {
      this.say({ _tag: "delta", from, to: this.log.length, events, hash: this.hash })
    }
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
      case "desync":
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
      hash: this.hash,
      presence: [],
      signals: [],
      ...(whole
        ? { mode: "snapshot", state: this.at(this.log.length) as never }
        : { mode: "deltas", events: this.log.slice(from.seq) })
    })
  }

  private carryOut(command: Sent): void {
    const { id, payload, type } = command
    this.arrivals.push(id)
    this.commands.push(command)
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
