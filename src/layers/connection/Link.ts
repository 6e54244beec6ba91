/** One live connection as the gateway holds it: its machine's state, and what hangs on it outside. */
import { Ref } from "effect"
import * as State from "../../domain/connection/Connection.ts"
import { InOrder } from "../../domain/connection/InOrder.ts"
import type { Instant, TopicId, UserId } from "../../domain/Ids.ts"
import type { ServerMessage } from "../../domain/Protocol.ts"
import type { Frame, Lane } from "../../services/Frame.ts"
import type { Connection } from "../../services/Socket.ts"
import type { Subscriber } from "../../services/Topics.ts"
import type { Metrics } from "../observability/Metrics.ts"
import type { Task } from "../socket/Wheel.ts"
import type * as Replies from "./Replies.ts"
import type { Account } from "./Users.ts"

/** A subscription: what asked for it, the epoch of its answer, and how far its events were sent and acknowledged. */
export interface Subscription {
  readonly ref: string
  readonly epoch: string
  sent: number
  acked: number
}

/** One live connection: what hangs on it outside of its machine. */
export class Link implements Replies.Replies, Replies.Taker, Task {
  readonly connection: Connection
  /** Grows from connection to connection: of two of one client instance the greater one counts (AUT7). */
  readonly epoch: number
  readonly state: Ref.Ref<State.State>
  firstSlot: Replies.Slot | undefined = undefined
  lastSlot: Replies.Slot | undefined = undefined
  heldTopics: Replies.Replies["heldTopics"] = undefined
  heldSize = 0
  /** Messages to the machine, so that an intent answers with messages and never steps inside a step. */
  readonly inbox: Array<{ readonly message: State.Message; readonly slot: Replies.Slot | undefined }> = []
  stepping = false
  /** Who hears of topics; one object per sign-in. */
  subscriber: (Subscriber & { readonly user: UserId }) | undefined = undefined
  /** What the user may still ask for, once there is one (CON7). */
  account: Account<Link> | undefined = undefined
  /** What the gateway knows this client instance by, once it is signed in (AUT7). */
  instance: string | undefined = undefined
  /** The `init` that the next `Welcome` says. */
  init: ServerMessage | undefined = undefined
  readonly subscriptions = new Map<TopicId, Subscription>()
  /** The topics it wants to hear of, answered or not; another mark each time that one is given up and asked for again. */
  readonly wanted = new Map<TopicId, symbol>()
  /** What reaches topics does so in the order it was heard, however long a signature takes to check. */
  readonly toTopics = new InOrder()
  /** Subscriptions and catch-ups that wait for their turn; one at a time is under way. */
  readonly catchUps: Array<(over: () => void) => void> = []
  catchingUp = false
  /** When the wheel will look. */
  wakeAt: Instant = Number.POSITIVE_INFINITY
  slot: number | undefined = undefined
  saidGoodbye = false
  private readonly metrics: Metrics
  private readonly woken: (link: Link, now: Instant) => void

  /** `woken` is called when the wheel looks. */
  constructor(connection: Connection, epoch: number, metrics: Metrics, woken: (link: Link, now: Instant) => void) {
    this.connection = connection
    this.epoch = epoch
    this.metrics = metrics
    this.woken = woken
    this.state = Ref.makeUnsafe(State.open(connection.id, connection.connectedAt))
  }

  /** Gives a frame to the connection, and counts it. */
  deliver(frame: Frame): void {
    this.metrics.sent.value += 1
    if (frame.lane._tag === "Durable") this.owe(frame.lane)
    this.connection.deliver(frame)
  }

  look(now: Instant): undefined {
    this.woken(this, now)
  }

  private owe({ seq, topic }: Extract<Lane, { readonly _tag: "Durable" }>): void {
    const subscription = this.subscriptions.get(topic)
    if (subscription === undefined || seq <= subscription.sent) return
    this.metrics.owed.value += seq - subscription.sent
    subscription.sent = seq
  }

  /** The client has come as far as `seq` (SYN6); never further than it was sent. */
  acknowledge(topic: TopicId, seq: number): void {
    const subscription = this.subscriptions.get(topic)
    const to = Math.min(seq, subscription?.sent ?? 0)
    if (subscription === undefined || to <= subscription.acked) return
    this.metrics.acked.value += to - subscription.acked
    subscription.acked = to
  }
}

/** The state of a connection's machine. */
export const state = (link: Link): State.State => Ref.getUnsafe(link.state)
