/**
 * A connection as a subscriber of topics: it delivers their frames, behind the replies that must come first (CON2). It
 * holds no subscription; topics do.
 */
import type { TopicId, UserId } from "../../domain/protocol/Ids.ts"
import type { Attestation } from "../../domain/protocol/Principal.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { Connection } from "../../services/Socket.ts"
import type { Subscriber } from "../../services/Topics.ts"
import * as ReplyOrder from "./ReplyOrder.ts"

/** The part of a connection that a subscriber uses. */
export interface SubscribedConnection extends ReplyOrder.ReplyOrder, ReplyOrder.FrameSink {
  readonly connection: Connection
  /** A frame was held back behind a reply; `heldLength` may now exceed what one connection may hold. */
  readonly onFrameHeld: () => void
  /** The topic ended the subscription, because the user lost read access. */
  readonly onAccessRevoked: (topic: TopicId) => void
}

/** The subscriber of a connection, and for whom it acts. */
export interface SignedInSubscriber extends Subscriber {
  readonly user: UserId
  /** What the user acts by as an agent (AUT8); null for a person. */
  readonly attestation: Attestation | null
  /** Whose account, limits and budgets the connection draws on: the user, or an agent's owner. */
  readonly payer: UserId
}

/** One object per sign-in, shared by all subscriptions of the connection. */
export class ConnectionSubscriber implements SignedInSubscriber {
  readonly user: UserId
  readonly attestation: Attestation | null
  readonly supportsBatching: boolean
  private readonly client: SubscribedConnection

  constructor(client: SubscribedConnection, user: UserId, attestation: Attestation | null = null) {
    this.client = client
    this.user = user
    this.attestation = attestation
    this.supportsBatching = client.connection.supportsBatching === true
  }

  get payer(): UserId {
    return this.attestation?.owner ?? this.user
  }

  get id(): string {
    return this.client.connection.id
  }

  deliver(frame: OutboundFrame): void {
    const { client } = this
    if (!ReplyOrder.hasHeldTopics(client)) return client.deliver(frame)
    ReplyOrder.deliverOrHold(client, frame, client)
    client.onFrameHeld()
  }

  onAccessRevoked(topic: TopicId): void {
    this.client.onAccessRevoked(topic)
  }
}
