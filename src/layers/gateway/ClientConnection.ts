/** One live connection as the gateway holds it: its machine's state, and what hangs on it outside. */
import { Ref } from "effect"
import * as State from "../../domain/connection/Connection.ts"
import { Sequencer } from "../../domain/connection/Sequencer.ts"
import type { Lane } from "../../domain/delivery/Lane.ts"
import type { Instant, TopicId, UserId } from "../../domain/protocol/Ids.ts"
import type { ServerMessage } from "../../domain/protocol/Protocol.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { Connection } from "../../services/Socket.ts"
import type { Subscriber } from "../../services/Topics.ts"
import type * as ReplyOrder from "../delivery/ReplyOrder.ts"
import type { Metrics } from "../observability/Metrics.ts"
import type { TimerTask } from "../runtime/TimerWheel.ts"
import type { UserBudget } from "./UserBudgets.ts"

/** A subscription: what asked for it, the epoch of its answer, and how far its events were sent and acknowledged. */
export interface Subscription {
  readonly ref: string
  readonly epoch: string
  sent: number
  acked: number
}

/** One live connection: what hangs on it outside of its machine. */
export class ClientConnection implements ReplyOrder.ReplyOrder, ReplyOrder.FrameSink, TimerTask {
  readonly connection: Connection
  /** Grows from connection to connection: of two of one client instance the greater one counts (AUT7). */
  readonly epoch: number
  readonly state: Ref.Ref<State.State>
  firstReplySlot: ReplyOrder.ReplySlot | undefined = undefined
  lastReplySlot: ReplyOrder.ReplySlot | undefined = undefined
  heldTopics: ReplyOrder.ReplyOrder["heldTopics"] = undefined
  heldLength = 0
  /** Messages to the machine, so that an intent answers with messages and never steps inside a step. */
  readonly inbox: Array<{ readonly message: State.Message; readonly slot: ReplyOrder.ReplySlot | undefined }> = []
  stepping = false
  /** Who hears of topics; one object per sign-in. */
  subscriber: (Subscriber & { readonly user: UserId }) | undefined = undefined
  /** What the user may still ask for, once there is one (CON7). */
  userBudget: UserBudget<ClientConnection> | undefined = undefined
  /** What the gateway knows this client instance by, once it is signed in (AUT7). */
  instanceKey: string | undefined = undefined
  /** The `init` that the next `SendInit` says. */
  pendingInit: ServerMessage | undefined = undefined
  readonly subscriptions = new Map<TopicId, Subscription>()
  /** The topics it wants to hear of, answered or not; another mark each time that one is given up and asked for again. */
  readonly requestedTopics = new Map<TopicId, symbol>()
  /** What reaches topics does so in the order it was heard, however long a signature takes to check. */
  readonly topicSequencer = new Sequencer()
  /** Subscriptions and catch-ups that wait for their turn; one at a time is under way. */
  readonly catchUpQueue: Array<(onComplete: () => void) => void> = []
  catchingUp = false
  /** When the wheel will look. */
  timerAt: Instant = Number.POSITIVE_INFINITY
  wheelSlot: number | undefined = undefined
  goodbyeSent = false
  private readonly metrics: Metrics
  private readonly onTimer: (client: ClientConnection, now: Instant) => void

  /** `onTimer` is called when the wheel looks. */
  constructor(
    connection: Connection,
    epoch: number,
    metrics: Metrics,
    onTimer: (client: ClientConnection, now: Instant) => void
  ) {
    this.connection = connection
    this.epoch = epoch
    this.metrics = metrics
    this.onTimer = onTimer
    this.state = Ref.makeUnsafe(State.initial(connection.id, connection.connectedAt))
  }

  /** Gives a frame to the connection, and counts it. */
  deliver(frame: OutboundFrame): void {
    this.metrics.messagesSent.value += 1
    if (frame.lane._tag === "Durable") this.recordSent(frame.lane)
    this.connection.deliver(frame)
  }

  onExpire(now: Instant): undefined {
    this.onTimer(this, now)
  }

  private recordSent({ seq, topic }: Extract<Lane, { readonly _tag: "Durable" }>): void {
    const subscription = this.subscriptions.get(topic)
    if (subscription === undefined || seq <= subscription.sent) return
    this.metrics.eventsDelivered.value += seq - subscription.sent
    subscription.sent = seq
  }

  /** The client has come as far as `seq` (SYN6); never further than it was sent. */
  acknowledge(topic: TopicId, seq: number): void {
    const subscription = this.subscriptions.get(topic)
    const to = Math.min(seq, subscription?.sent ?? 0)
    if (subscription === undefined || to <= subscription.acked) return
    this.metrics.eventsAcknowledged.value += to - subscription.acked
    subscription.acked = to
  }
}

/** The state of a connection's machine. */
export const stateOf = (client: ClientConnection): State.State => Ref.getUnsafe(client.state)
