/**
 * A client and a server with rooms, in every order that the protocol permits. The server's connection machines and reply
 * order are the real ones; its rooms decide one request at a time, and a connection reads one snapshot at a time.
 */
import type { Intent } from "../../src/domain/connection/Connection.ts"
import { CommandId, type Position, TopicId, type UserId } from "../../src/domain/protocol/Ids.ts"
import type { PublishedEvent, ServerMessage } from "../../src/domain/protocol/Protocol.ts"
import { saltSource } from "../../src/domain/protocol/Seal.ts"
import * as StateHash from "../../src/domain/protocol/StateHash.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { commitTexts } from "../../src/domain/topic/SealedText.ts"
import * as ReplyOrder from "../../src/layers/delivery/ReplyOrder.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"
import { ClientServerPair, type PairedConnection } from "./ClientServerPair.ts"
import { decideCommand, foldLog, headOf, saltOf, sealCommand, snapshotOf } from "./RoomLog.ts"
import { me, otherUser, uuid } from "./ScriptedServer.ts"

export const roomTopics = ["room:a", "room:b", "room:c"].map((id) => TopicId.make(id))

const epoch = "e"

/** Missed events above which a catch-up is a snapshot. */
const maxDeltas = 2

class Room {
  readonly log: Array<PublishedEvent> = []
  state: RoomModel.State
  readonly seqByCommandId = new Map<string, number>()
  /** What the room has to do next, in order. */
  readonly queue: Array<() => void> = []
  /** The connections that are sent its deltas. */
  readonly subscribers = new Set<PairedConnection>()
  /** Whether the next delta states a hash that is not the state's. */
  wrongHash = false

  constructor(topic: TopicId) {
    this.state = roomKind.initial(topic)
  }
}

export class RoomsPair extends ClientServerPair {
  readonly rooms = new Map(roomTopics.map((topic) => [topic, new Room(topic)]))
  /** Reads that wait for their turn, by connection: subscriptions, and catch-ups of slow readers. */
  private readonly reads = new Map<PairedConnection, Array<(onComplete: () => void) => void>>()
  private readonly reading = new Set<PairedConnection>()
  /** Topics whose deltas are withheld from the present connection until its next catch-up (CON8). */
  private readonly coalesced = new Set<TopicId>()
  private counter = 0

  constructor() {
    super()
    for (const topic of roomTopics) {
      for (const user of [me, otherUser]) this.decide(topic, this.nextId(), user, { _tag: "join_room" })
      this.dispatchToClient({ _tag: "TopicWatched", topic })
    }
    this.dispatchToClient({ _tag: "Started" })
  }

  private nextId(): CommandId {
    return CommandId.make(uuid(0xeeee_0000 + this.counter++))
  }

  private room(topic: TopicId): Room {
    return this.rooms.get(topic)!
  }

  post(topic: TopicId, id: CommandId, content: string): void {
    const command = { _tag: "send_message", content }
    this.dispatchToClient({ _tag: "CommandSubmitted", id, topic, command, seed: 0, salt: saltOf(id) })
  }

  postByOther(topic: TopicId, content: string): void {
    const id = this.nextId()
    this.decide(topic, id, otherUser, sealCommand({ _tag: "send_message", content }, id))
  }

  /** Applies a command, and sends its delta. The seq of the log afterwards. */
  private decide(topic: TopicId, id: CommandId, author: UserId, command: RoomModel.Command): number {
    const room = this.room(topic)
    const from = room.log.length
    room.log.push(...decideCommand(room.log, room.state, command, { topic, epoch, id, author, now: this.now }) ?? [])
    room.state = foldLog(topic, room.log)
    const to = room.log.length
    const hash = room.wrongHash ? "0123456789abcdef" : StateHash.hashState(room.state)
    const delta = { _tag: "delta", from, to, events: room.log.slice(from), hash } as const
    const isWithheld = (connection: PairedConnection) => connection === this.current && this.coalesced.has(topic)
    for (const connection of room.subscribers) {
      if (isWithheld(connection)) continue
      room.wrongHash = false
      this.deliver(connection, delta, topic, to)
    }
    return to
  }

  private deliver(connection: PairedConnection, message: ServerMessage, topic: TopicId, seq: number): void {
    const frame = { text: this.encode(message, topic), lane: { _tag: "Durable", topic, seq } } as const
    ReplyOrder.deliverOrHold(connection.replies, frame, this.frameSink(connection))
  }

  protected override executeServerIntent(
    connection: PairedConnection,
    intent: Intent,
    slot: ReplyOrder.ReplySlot
  ): void {
    switch (intent._tag) {
      case "Subscribe":
        slot.pendingCount += 1
        return this.enqueueRead(connection, intent.topic, () => {
          this.reply(
            connection,
            slot,
            this.catchUp(intent.topic, intent.ref, intent.position ?? undefined),
            intent.topic
          )
          ReplyOrder.holdBack(connection.replies, slot, intent.topic)
          this.completeRequest(connection, slot, intent.topic)
        })
      case "SubmitCommand": {
        const { command, ref, salt = saltOf(ref), topic } = intent
        slot.pendingCount += 1
        return void this.room(topic).queue.push(() => {
          const { seqByCommandId } = this.room(topic)
          const known = seqByCommandId.get(ref)
          const seq = known ??
            this.decide(topic, ref, me, commitTexts(command as RoomModel.Command, () => saltSource(salt, ref), sha256))
          seqByCommandId.set(ref, seq)
          const duplicate = known === undefined ? undefined : { duplicate: true }
          this.reply(connection, slot, { _tag: "receipt", ref_id: ref, topic, seq, ...duplicate }, topic)
          this.completeRequest(connection, slot, topic)
        })
      }
      case "SendInit":
        this.coalesced.clear()
    }
    super.executeServerIntent(connection, intent, slot)
  }

  /** Reads a topic, after what the connection reads already; commands do not wait for it. */
  private enqueueRead(connection: PairedConnection, topic: TopicId, onRead: () => void): void {
    const waiting = this.reads.get(connection) ?? []
    this.reads.set(connection, waiting)
    waiting.push((onComplete) =>
      this.room(topic).queue.push(() => {
        this.room(topic).subscribers.add(connection)
        if (connection === this.current) this.coalesced.delete(topic)
        onRead()
        onComplete()
      })
    )
  }

  private catchUp(topic: TopicId, ref_id: string, from: Position | undefined): ServerMessage {
    const { log, state } = this.room(topic)
    const isSnapshot = from === undefined || log.length - from.seq > maxDeltas
    return {
      _tag: "subscribed",
      ref_id,
      position: { epoch, seq: log.length },
      head: headOf(log),
      hash: StateHash.hashState(state),
      presence: [],
      signals: [],
      ...(isSnapshot
        ? { mode: "snapshot", snapshot: snapshotOf(state) }
        : { mode: "deltas", events: log.slice(from.seq) })
    }
  }

  /** A connection starts its next read, if it has one and none is under way. */
  startRead(): boolean {
    for (const [connection, waiting] of this.reads) {
      if (waiting.length === 0 || this.reading.has(connection)) continue
      this.reading.add(connection)
      waiting.shift()?.(() => this.reading.delete(connection))
      return true
    }
    return false
  }

  /** A room does what is next in its queue. */
  stepRoom(topic: TopicId): boolean {
    const next = this.room(topic).queue.shift()
    next?.()
    return next !== undefined
  }

  /** Cuts the connection and signs in again; the requests of the new connection have not arrived yet. */
  reconnect(): void {
    this.cutConnection()
    for (let i = 0; i < 100 && this.client.connection._tag !== "Online"; i++) {
      if (!this.clientReceive() && !this.serverReceive()) this.advanceTime(250)
    }
  }

  /** CON8: the client reads slowly. What it has not read of a topic is replaced by one catch-up, which is a snapshot. */
  coalesce(topic: TopicId): void {
    const { current } = this
    const isSubscribed = current !== undefined && this.room(topic).subscribers.has(current)
    if (!isSubscribed || ReplyOrder.hasHeldTopics(current.replies) || this.coalesced.has(topic)) return
    const isDelta = (frame: unknown) => {
      const { thread_id, type } = frame as { readonly thread_id?: string; readonly type: string }
      return type === "delta" && thread_id === topic
    }
    current.toClient.splice(0, current.toClient.length, ...current.toClient.filter((frame) => !isDelta(frame)))
    this.coalesced.add(topic)
    this.enqueueRead(
      current,
      topic,
      () => this.deliver(current, this.catchUp(topic, uuid(0), undefined), topic, this.room(topic).log.length)
    )
  }

  /** The next delta of a topic has a hash that no replica has (SYN7). */
  desync(topic: TopicId): void {
    this.room(topic).wrongHash = true
  }

  override decideOldest(): boolean {
    return this.startRead() || roomTopics.some((topic) => this.stepRoom(topic))
  }
}

/** Online, and subscribed to all rooms. */
export const onlineRooms = (): RoomsPair => {
  const pair = new RoomsPair()
  pair.runUntilQuiescent()
  return pair
}
