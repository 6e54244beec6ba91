/** The fan-out load: members of rooms send, open-loop or closed-loop, and every member receives each message. */
import { Effect } from "effect"
import * as Clients from "./Clients.ts"
import * as Frame from "./Frame.ts"
import * as FrameTemplate from "./FrameTemplate.ts"
import { type DeliveryCounts, LatencyRecorder, measureWindow } from "./LatencyRecorder.ts"
import type { Load, LoadSpec } from "./LoadSpec.ts"
import * as WireAdapters from "./WireAdapters.ts"

type PublishLoad = Extract<Load, { readonly kind: "publish" }>

/** Capacity of the ring buffer with the send times of a sender's latest messages. */
const sentAtCapacity = 1024

interface RoomMember extends Clients.ConnectedUser {
  readonly room: Room
  readonly template: FrameTemplate.FrameTemplate
  readonly sentAt: Float64Array
  sent: number
  /** Number of its own messages that it has received. */
  ownDeliveries: number
}

interface Room {
  readonly topic: string
  readonly members: Array<RoomMember>
  /** Deliveries of the current burst. */
  burstDeliveries: number
}

const sendBurst = (member: RoomMember, burst: number, at: number) => {
  for (let i = 0; i < burst; i++) member.sentAt[(member.sent + i) % sentAtCapacity] = at
  member.peer.write(FrameTemplate.encodeBurst(member.template, member.sent, burst))
  member.sent += burst
}

/** Handles a member's frames: counts deliveries, samples latencies, and in a closed loop sends the next burst. */
const attachListener = (
  roomMember: RoomMember,
  roomMembers: ReadonlyArray<RoomMember>,
  load: PublishLoad,
  lead: number,
  counts: DeliveryCounts
) => {
  const { room } = roomMember
  const deliveriesPerBurst = (room.members.length - load.stalled) * load.burst
  const closedLoop = load.rate === 0
  const sendNext = (from: RoomMember, events: number) => {
    if (load.publishers === "all") {
      if (from !== roomMember || (roomMember.ownDeliveries += events) % load.burst !== 0) return
      sendBurst(roomMember, load.burst, performance.now())
    } else if ((room.burstDeliveries += events) === deliveriesPerBurst) {
      room.burstDeliveries = 0
      sendBurst(room.members[0]!, load.burst, performance.now())
    }
  }
  const onDelivery = (from: RoomMember, number: number, events: number) => {
    counts.delivered += events
    if (!closedLoop || (counts.delivered & 7) === 0) {
      counts.latencies.add(performance.now() - from.sentAt[number % sentAtCapacity]!)
    }
    if (closedLoop) sendNext(from, events)
  }
  roomMember.peer.onFrame = (bytes, start, end) => {
    const base = start + lead
    switch (Frame.typeOf(bytes, base)) {
      case "s":
        return onDelivery(roomMembers[Frame.senderIndexOf(bytes, base)]!, Frame.messageNumberOf(bytes, base), 1)
      case "d":
        return onDelivery(room.members[0]!, room.members[0]!.sent - 1, Frame.eventCountOf(bytes, base))
      case "e":
      case "g":
        throw new Error(bytes.toString("utf8", start, end))
    }
  }
}

/**
 * Connects and subscribes all members; returns those that send. The last `stalled` members of each room stop reading.
 */
export const joinRooms = Effect.fnUntraced(function*(job: LoadSpec, load: PublishLoad, counts: DeliveryCounts) {
  const adapter = WireAdapters.wireAdapters[job.target.adapter]
  const durable = load.what === "thread" && job.target.adapter === "choir"
  const clients = yield* Clients.connectUsers(job, load.rooms * load.members)
  const thread = durable ? yield* WireAdapters.createThread(clients[0]!.peer) : undefined
  const rooms = Array.from({ length: load.rooms }, (_, i): Room => ({
    topic: thread ?? Clients.roomTopic(i),
    members: [],
    burstDeliveries: 0
  }))
  const roomMembers = clients.map(({ member, peer }): RoomMember => {
    const room = rooms[Math.floor(member.index / load.members)]!
    const template = durable
      ? adapter.commandFrame(member, room.topic, "submit_message", {
        content: `${FrameTemplate.placeholder} ${WireAdapters.makeText(load.text)}`
      })
      : adapter.signalFrame(member, room.topic, load.text)
    const roomMember = {
      member,
      peer,
      room,
      template,
      sentAt: new Float64Array(sentAtCapacity),
      sent: 0,
      ownDeliveries: 0
    }
    room.members.push(roomMember)
    return roomMember
  })
  yield* Effect.forEach(roomMembers, ({ member, peer, room }) => adapter.subscribe(peer, member, room.topic), {
    concurrency: Clients.connectConcurrency
  })
  // Lets the messages caused by joining pass.
  yield* Effect.sleep(300)
  for (const roomMember of roomMembers) attachListener(roomMember, roomMembers, load, adapter.envelopeOffset, counts)
  for (const { members } of rooms) {
    for (const roomMember of members.slice(load.members - load.stalled)) roomMember.peer.socket.pause()
  }
  return load.publishers === "all" ? roomMembers : rooms.map((room) => room.members[0]!)
})

/** Starts an open loop, or the first burst of a closed one. */
export const startSending = (
  senders: ReadonlyArray<RoomMember>,
  { burst, rate }: PublishLoad
): Effect.Effect<unknown> =>
  rate > 0
    ? Effect.forkChild(Clients.runAtRate(rate, (count, due) => sendBurst(senders[count % senders.length]!, burst, due)))
    : Effect.sync(() => senders.forEach((sender) => sendBurst(sender, burst, performance.now())))

/** Runs the load and measures its window. */
export const runPublish = Effect.fnUntraced(function*(job: LoadSpec, load: PublishLoad) {
  const counts: DeliveryCounts = { delivered: 0, latencies: new LatencyRecorder() }
  yield* startSending(yield* joinRooms(job, load, counts), load)
  return yield* measureWindow(job, counts, "delivery")
})
