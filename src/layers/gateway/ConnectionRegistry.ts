/**
 * The signed-in connections: by user, by client instance and by session. State only: the rules are in
 * `domain/session`.
 */
import type { Instant, UserId } from "../../domain/protocol/Ids.ts"
import type { Attestation } from "../../domain/protocol/Principal.ts"
import type { Revocation } from "../../services/Sessions.ts"
import type { SignedInSubscriber } from "../delivery/ConnectionSubscriber.ts"
import type { TimerWheel } from "../runtime/TimerWheel.ts"
import { type ClientConnection, stateOf } from "./ClientConnection.ts"
import type { UserBudgets } from "./UserBudgets.ts"

/** Milliseconds between a user's last connection and the first look whether the user's budgets are full again. */
const evictionDelayMillis = 60_000

/** The gateway's state across connections. */
export class ConnectionRegistry {
  readonly userBudgets: UserBudgets<ClientConnection>
  readonly byInstance = new Map<string, ClientConnection>()
  /** By agent: its connections count as their owners' (AUT8). */
  private readonly agentConnections = new Map<UserId, Set<ClientConnection>>()
  private readonly revocations = new Map<string, Revocation["reason"]>()
  private readonly wheel: TimerWheel
  private readonly onAgentReleased: (client: ClientConnection, attestation: Attestation) => void

  constructor(
    userBudgets: UserBudgets<ClientConnection>,
    wheel: TimerWheel,
    onAgentReleased: (client: ClientConnection, attestation: Attestation) => void = () => {}
  ) {
    this.userBudgets = userBudgets
    this.wheel = wheel
    this.onAgentReleased = onAgentReleased
  }

  /** Adds a connection to its user, or to an agent's owner. */
  add(client: ClientConnection, { attestation, payer, user }: SignedInSubscriber): void {
    client.userBudget = this.userBudgets.addConnection(payer, client)
    if (attestation === null) return
    const connections = this.agentConnections.get(user) ?? new Set()
    this.agentConnections.set(user, connections.add(client))
  }

  /** The user's connections that are authenticated under a session. */
  connectionsOfSession(user: UserId, session: string): ReadonlyArray<ClientConnection> {
    return [...this.userBudgets.connectionsOf(user), ...this.agentConnections.get(user) ?? []].filter((client) => {
      const { status } = stateOf(client)
      return status._tag === "Authenticated" && status.session === session
    })
  }

  /**
   * Records that a session was revoked, until `until`: a sign-in under way that read the session before must be refused when
   * it is complete (SEC7).
   */
  recordRevocation({ id, reason }: Revocation, until: Instant): void {
    this.revocations.set(id, reason)
    this.wheel.scheduleCallback(until, () => {
      this.revocations.delete(id)
      return undefined
    })
  }

  /** Why a session was revoked a short while ago, if it was. */
  revocationOf(session: string): Revocation["reason"] | undefined {
    return this.revocations.get(session)
  }

  /** Removes a connection from its user's, its client instance's and its session's; no effect without a user. */
  release(client: ClientConnection, now: Instant): void {
    const { subscriber } = client
    client.pendingInit = undefined
    if (subscriber === undefined) return
    const { attestation, payer, user } = subscriber
    client.subscriber = undefined
    client.userBudget = undefined
    // A reconnect must not refill the budgets, so they are kept until they are full anyway.
    if (this.userBudgets.removeConnection(payer, client)) {
      this.wheel.scheduleCallback(now + evictionDelayMillis, (at) => this.userBudgets.evict(payer, at))
    }
    if (attestation !== null) {
      const connections = this.agentConnections.get(user)
      connections?.delete(client)
      if (connections?.size === 0) this.agentConnections.delete(user)
      this.onAgentReleased(client, attestation)
    }
    if (client.instanceKey !== undefined && this.byInstance.get(client.instanceKey) === client) {
      this.byInstance.delete(client.instanceKey)
    }
    client.instanceKey = undefined
  }
}
