/** A fake server, driven by the test: one room, one connection at a time. */
import type { OutgoingMessage } from "../../src/client/ClientModel.ts"
import { CommandId, type Position, TopicId, UserId } from "../../src/domain/protocol/Ids.ts"
import {
  encodeServerMessage,
  type PublishedEvent,
  type ServerMessage,
  type ServerMessageOf
} from "../../src/domain/protocol/Protocol.ts"
import * as StateHash from "../../src/domain/protocol/StateHash.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { decideCommand, foldLog, headOf, saltOf, sealCommand, snapshotOf } from "./RoomLog.ts"

export const me = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
export const otherUser = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
export const topic = TopicId.make("room:lobby")
export const audience = "http://choir.test"
export const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`

const token = "dG9rZW4"

/** A server of one room whose log and outgoing frames a test can read and change. */
export class ScriptedServer {
  now = 1_000_000
  /** Frames in flight to the client, in order. */
  toClient: Array<unknown> = []
  /** The ids of received commands, repeats included. */
  readonly receivedIds: Array<string> = []
  /** The received commands. */
  readonly commands: Array<OutgoingMessage & { readonly signature?: string }> = []
  /** The ids of the queries that this connection received. */
  queryIds: Array<string> = []
  log: Array<PublishedEvent> = []
  epoch = "e1"
  /** Replaces the hash of the state, if set. */
  hashOverride: string | undefined
  /** The outcome of the next command or sign-out. */
  nextOutcome: "accept" | "rate_limited" | "unavailable" = "accept"
  /** Whether the session whose token the client has is alive. */
  hasSession = false
  protected readonly seqByCommandId = new Map<string, number>()
  private signedIn = false
  private subscribed = false
  private counter = 0
  private readonly user: UserId

  constructor(user: UserId) {
    this.user = user
    for (const [index, member] of [user, otherUser].entries()) this.append(uuid(index), member, { _tag: "join_room" })
  }

  /** Drops the connection and the frames in flight. */
  resetConnection(): void {
    this.toClient = []
    this.queryIds = []
    this.signedIn = false
    this.subscribed = false
  }

  sendToClient(message: ServerMessage, topicId: TopicId | undefined = topic): void {
    this.toClient.push(JSON.parse(encodeServerMessage(message, {
      id: uuid(0xffff_0000 + this.counter++),
      timestamp: this.now,
      thread_id: topicId
    })))
  }

  get position(): Position {
    return { epoch: this.epoch, seq: this.log.length }
  }

  /** The state after the first `seq` events. */
  stateAt(seq: number): RoomModel.State {
    return foldLog(topic, this.log.slice(0, seq))
  }

  get hash(): string {
    return this.hashOverride ?? StateHash.hashState(this.stateAt(this.log.length))
  }

  /** Decides a command of an author; its events are logged and sent as a delta. Undefined if it is rejected. */
  append(id: string, author: UserId, command: RoomModel.CommandInput, salt = saltOf(id)): number | undefined {
    const from = this.log.length
    const events = decideCommand(this.log, this.stateAt(from), sealCommand(command, id, salt), {
      topic,
      epoch: this.epoch,
      id: CommandId.make(id),
      author,
      now: this.now
    })
    if (events === undefined) return undefined
    this.log.push(...events)
    if (this.subscribed && events.length > 0) {
      this.sendToClient({ _tag: "delta", from, to: this.log.length, events, hash: this.hash })
    }
    return this.log.length
  }

  /** Handles one message of the client. */
  handleMessage(message: OutgoingMessage): void {
    const ref_id = message.id
    switch (message.type) {
      case "connect":
        return this.sendToClient({
          _tag: "challenge",
          nonce: "bm9uY2U",
          audience,
          origin: "",
          connection_id: "c1",
          issued_at: this.now,
          expires_at: this.now + 60_000
        }, undefined)
      case "auth":
      case "resume":
        if (message.type === "resume" && !this.hasSession) {
          return this.sendToClient(
            { _tag: "error", ref_id, code: "auth_failed", message: "sign in", retryable: false },
            undefined
          )
        }
        this.signedIn = true
        this.hasSession = true
        return this.sendToClient({
          _tag: "init",
          user: { public_key: this.user, balance: 10_000 },
          threads: [],
          session_token: token,
          expires_at: this.now + 900_000,
          connection_id: "c1",
          audience,
          ping_interval: 30_000,
          pong_timeout: 5_000,
          chorus: { model: "test", offline: true }
        }, undefined)
      case "sign_out":
        if (!this.signedIn) {
          return this.sendToClient(
            { _tag: "error", ref_id, code: "unauthenticated", message: "sign in first", retryable: false },
            undefined
          )
        }
        this.signedIn = false
        if (this.takeOutcome() !== "accept") {
          return this.sendToClient(
            { _tag: "error", ref_id, code: "unavailable", message: "not now", retryable: true },
            undefined
          )
        }
        this.hasSession = false
        return this.sendToClient({ _tag: "signed_out", ref_id }, undefined)
      case "renew":
        return this.sendToClient(
          { _tag: "renewed", session_token: token, expires_at: this.now + 900_000, ref_id },
          undefined
        )
      case "heartbeat":
        return this.sendToClient({ _tag: "heartbeat", ref_id }, undefined)
      case "subscribe":
        this.subscribed = this.signedIn
        return this.sendSubscribed(ref_id, message.payload["position"] as Position | undefined)
      case "get_user":
        this.queryIds.push(ref_id)
        return this.sendToClient(
          { _tag: "user", ref_id, user: { public_key: this.user, balance: 10_000 } },
          undefined
        )
      case "ack":
      case "desync":
      case "signal":
      case "unsubscribe":
        return undefined
      default:
        return this.handleCommand(message)
    }
  }

  private sendSubscribed(ref_id: string, from: Position | undefined): void {
    const isSnapshot = from === undefined || from.epoch !== this.epoch || this.log.length - from.seq > 2
    const subscribed = this.subscribedAt(this.log.length, isSnapshot ? 0 : from.seq, isSnapshot)
    this.sendToClient({ ...subscribed, ref_id, hash: this.hash })
  }

  /** The answer to a subscription when the log has `seq` events: a snapshot, or the events after `from`. */
  subscribedAt(seq: number, from: number, isSnapshot = false): ServerMessageOf<"subscribed"> {
    const log = this.log.slice(0, seq)
    return {
      _tag: "subscribed",
      ref_id: uuid(0),
      position: { epoch: this.epoch, seq },
      head: headOf(log),
      presence: [],
      signals: [],
      ...(isSnapshot
        ? { mode: "snapshot", snapshot: snapshotOf(foldLog(topic, log)) }
        : { mode: "deltas", events: log.slice(from) })
    }
  }

  private takeOutcome(): typeof this.nextOutcome {
    const outcome = this.nextOutcome
    this.nextOutcome = "accept"
    return outcome
  }

  private handleCommand(command: OutgoingMessage): void {
    const { id, payload, salt, type } = command
    this.receivedIds.push(id)
    this.commands.push(command)
    const previousSeq = this.seqByCommandId.get(id)
    if (previousSeq !== undefined) {
      return this.sendToClient({ _tag: "receipt", ref_id: id, topic, seq: previousSeq, duplicate: true })
    }
    const outcome = this.takeOutcome()
    if (outcome !== "accept") {
      return this.sendToClient({
        _tag: "error",
        ref_id: id,
        code: outcome,
        message: "not now",
        retryable: true,
        ...(outcome === "rate_limited" ? { retry_after_ms: 500 } : {})
      })
    }
    const seq = this.append(id, this.user, { ...payload, _tag: type } as RoomModel.CommandInput, salt)
    if (seq === undefined) {
      return this.sendToClient({ _tag: "error", ref_id: id, code: "rule_violated", message: "no", retryable: false })
    }
    this.seqByCommandId.set(id, seq)
    this.sendToClient({ _tag: "receipt", ref_id: id, topic, seq })
  }
}
