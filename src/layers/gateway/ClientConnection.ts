/**
 * One open connection as the gateway holds it: the state of its machine, and the mutable records around it. A class, and
 * its own timer task, reply order and frame sink, because every field and closure counts once per idle connection.
 */
import { Ref } from "effect"
import * as Connection from "../../domain/connection/Connection.ts"
import * as DeliveryProgress from "../../domain/connection/DeliveryProgress.ts"
import * as Sequencer from "../../domain/connection/Sequencer.ts"
import type { Lane } from "../../domain/delivery/Lane.ts"
import type { Instant, TopicId } from "../../domain/protocol/Ids.ts"
import type { ServerMessage } from "../../domain/protocol/Protocol.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type * as Socket from "../../services/Socket.ts"
import type { SignedInSubscriber, SubscribedConnection } from "../delivery/ConnectionSubscriber.ts"
import type * as ReplyOrder from "../delivery/ReplyOrder.ts"
import type { Metrics } from "../observability/Metrics.ts"
import type { TimerTask } from "../runtime/TimerWheel.ts"
import type { UserBudget } from "./UserBudgets.ts"

/** A subscription: the request that made it, the epoch of its reply, and its progress (SYN6). */
export interface Subscription extends DeliveryProgress.DeliveryProgress {
  readonly ref: string
  readonly epoch: string
  sent: number
  acked: number
}

/** A message for the machine, with the reply slot of the request that it answers. */
export interface QueuedMessage {
  readonly message: Connection.Message
  readonly slot: ReplyOrder.ReplySlot | undefined
}

/** A read that has not started. */
export interface QueuedRead {
  /** The slot of its reply; undefined for a catch-up that nobody asked for. */
  readonly slot: ReplyOrder.ReplySlot | undefined
  readonly start: (onComplete: () => void) => void
}

/** The gateway's callbacks for events of a connection other than its messages. One value for all connections. */
export interface ConnectionEvents {
  /** The connection's timer fired. */
  readonly onTimer: (client: ClientConnection, now: Instant) => void
  /** A topic's frame was held back behind a reply. */
  readonly onFrameHeld: (client: ClientConnection) => void
  /** Replies that were held have been sent, while a read waits for them. */
  readonly onRepliesSent: (client: ClientConnection) => void
  /** A topic ended the connection's subscription. */
  readonly onAccessRevoked: (client: ClientConnection, topic: TopicId) => void
}

/** One open connection of a client. */
export class ClientConnection implements SubscribedConnection, TimerTask {
  readonly connection: Socket.Connection
  /** Grows from connection to connection: of two of one client instance the greater one stays (AUT7). */
  readonly epoch: number
  readonly state: Ref.Ref<Connection.ConnectionState>
  firstReplySlot: ReplyOrder.ReplySlot | undefined = undefined
  lastReplySlot: ReplyOrder.ReplySlot | undefined = undefined
  heldTopics: ReplyOrder.ReplyOrder["heldTopics"] = undefined
  heldLength = 0
  heldReplyBytes = 0
  /** Messages that arrived during a step: an intent answers with messages, and never steps inside a step. */
  readonly mailbox: Array<QueuedMessage> = []
  stepping = false
  /** The subscriber that topics deliver to; one object per sign-in, undefined without a user. */
  subscriber: SignedInSubscriber | undefined = undefined
  /** The budgets of the user, or of an agent's owner; undefined without a user (CON7, AUT8). */
  userBudget: UserBudget<ClientConnection> | undefined = undefined
  /** The key of this client instance while it is signed in (AUT7). */
  instanceKey: string | undefined = undefined
  /** The `init` that the next `SendInit` sends. */
  pendingInit: ServerMessage | undefined = undefined
  readonly subscriptions = new Map<TopicId, Subscription>()
  /** Topics with a current subscription or request for one; the token identifies the request, so that the reply to a cancelled one is recognised. */
  readonly requestedTopics = new Map<TopicId, symbol>()
  /** Requests to topics, in the order they arrived, however long a signature takes to verify (CON2). */
  topicRequests: Sequencer.Sequencer<() => void> = Sequencer.empty
  /** Subscriptions, queries and catch-ups that have not started; one at a time runs. */
  readonly catchUpQueue: Array<QueuedRead> = []
  catchingUp = false
  /** The deadline in the timer wheel. */
  timerAt: Instant = Number.POSITIVE_INFINITY
  wheelSlot: number | undefined = undefined
  goodbyeSent = false
  private readonly metrics: Metrics
  private readonly events: ConnectionEvents

  constructor(connection: Socket.Connection, epoch: number, metrics: Metrics, events: ConnectionEvents) {
    this.connection = connection
    this.epoch = epoch
    this.metrics = metrics
    this.events = events
    this.state = Ref.makeUnsafe(Connection.initial(connection.id, connection.connectedAt))
  }

  /** Queues a frame on the connection, and counts it. */
  deliver(frame: OutboundFrame): void {
    this.metrics.messagesSent.value += 1
    if (frame.lane._tag === "Durable") this.recordSent(frame.lane)
    this.connection.deliver(frame)
  }

  onExpire(now: Instant): undefined {
    this.events.onTimer(this, now)
  }

  onFrameHeld(): void {
    this.events.onFrameHeld(this)
  }

  onReplySent(): void {
    if (this.catchUpQueue.length > 0) this.events.onRepliesSent(this)
  }

  onAccessRevoked(topic: TopicId): void {
    this.events.onAccessRevoked(this, topic)
  }

  /** Records a cumulative acknowledgement (SYN6). */
  acknowledge(topic: TopicId, seq: number): void {
    const subscription = this.subscriptions.get(topic)
    if (subscription === undefined) return
    const count = DeliveryProgress.newlyAcked(subscription, seq)
    this.metrics.eventsAcknowledged.value += count
    subscription.acked += count
  }

  private recordSent({ seq, topic }: Extract<Lane, { readonly _tag: "Durable" }>): void {
    const subscription = this.subscriptions.get(topic)
    if (subscription === undefined) return
    const count = DeliveryProgress.newlySent(subscription, seq)
    this.metrics.eventsDelivered.value += count
    subscription.sent += count
  }
}

/** The state of a connection's machine. */
export const stateOf = (client: ClientConnection): Connection.ConnectionState => Ref.getUnsafe(client.state)
