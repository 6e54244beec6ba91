/** One live connection as the gateway holds it: its machine's state, and what hangs on it outside. */
import { Ref } from "effect"
import * as State from "../../domain/Connection.ts"
import type { Instant, TopicId } from "../../domain/Ids.ts"
import type { ServerMessage } from "../../domain/Protocol.ts"
import type { Connection } from "../../services/Socket.ts"
import type { Subscriber } from "../../services/Topics.ts"
import * as Replies from "./Replies.ts"

export interface Link {
  readonly connection: Connection
  readonly state: Ref.Ref<State.State>
  readonly replies: Replies.Replies
  /** Messages to the machine, so that an intent answers with messages and never steps inside a step. */
  readonly inbox: Array<{ readonly message: State.Message; readonly slot: Replies.Slot | undefined }>
  stepping: boolean
  /** Who hears of topics; one object per sign-in. */
  subscriber: Subscriber | undefined
  /** What the gateway knows this client instance by, once it is signed in (AUT7). */
  instance: string | undefined
  /** The `init` that the next `Welcome` says. */
  init: ServerMessage | undefined
  /** What each subscription was asked by, and the epoch its answer was of. */
  readonly subscriptions: Map<TopicId, { readonly ref: string; readonly epoch: string }>
  /** Subscriptions and catch-ups that wait for their turn; one at a time is under way. */
  readonly catchUps: Array<(over: () => void) => void>
  catchingUp: boolean
  /** The earliest look the wheel will take. */
  wakeAt: Instant
  saidGoodbye: boolean
}

export const make = (connection: Connection): Link => ({
  connection,
  state: Ref.makeUnsafe(State.open(connection.id, connection.connectedAt)),
  replies: Replies.make(),
  inbox: [],
  stepping: false,
  subscriber: undefined,
  instance: undefined,
  init: undefined,
  subscriptions: new Map(),
  catchUps: [],
  catchingUp: false,
  wakeAt: Number.POSITIVE_INFINITY,
  saidGoodbye: false
})

export const state = (link: Link): State.State => Ref.getUnsafe(link.state)
