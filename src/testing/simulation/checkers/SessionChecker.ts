/**
 * Checks the sessions that the network shows: after the answer to a sign-out none of the session's tokens resumes it
 * (AUT2), and after a second no connection of it is served any more (SEC7).
 */
import type { SimulatedConnection, TrafficObserver } from "../cluster/SimulatedNetwork.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

/** The session of one sign-in. */
interface ObservedSession {
  /** The instant of the answer to a sign-out. */
  revokedAt: number | undefined
}

interface ObservedConnection {
  /** The token of the last `resume`; undefined after a signature. */
  shownToken: string | undefined
  session: ObservedSession | undefined
}

interface SessionMessage {
  readonly type: string
  readonly payload: { readonly session_token?: string }
}

/** Whether a message begins, renews or ends a session: its type stands at the start of the text. */
const isSessionMessage = (text: string): boolean =>
  /"type":"(?:connect|resume|init|renewed|signed_out)"/.test(text.slice(0, 100))

/** A connection is cut within a second of a revocation (SEC7). */
const cutMillisMax = 1_000

/** The sessions of one run. */
export class SessionChecker implements TrafficObserver {
  private readonly runtime: SimulationRuntime
  private readonly connections = new WeakMap<SimulatedConnection, ObservedConnection>()
  private readonly sessionsByToken = new Map<string, ObservedSession>()

  constructor(runtime: SimulationRuntime) {
    this.runtime = runtime
  }

  /** Starts tracking a connection. */
  readonly connectionOpened = (connection: SimulatedConnection): void => {
    this.connections.set(connection, { shownToken: undefined, session: undefined })
  }

  /** Nothing is checked where a frame arrives. */
  readonly clientReceived = (): void => undefined

  /** Remembers the token that a client shows. */
  readonly clientSent = (connection: SimulatedConnection, text: string): void => {
    const observed = this.connections.get(connection)
    if (observed === undefined || !isSessionMessage(text)) return
    const { payload, type } = JSON.parse(text) as SessionMessage
    if (type === "connect" || type === "resume") observed.shownToken = payload.session_token
  }

  /** Checks a frame from the server. */
  readonly serverSent = (connection: SimulatedConnection, text: string): void => {
    const observed = this.connections.get(connection)
    if (observed === undefined) return
    this.checkServed(connection, observed)
    if (!isSessionMessage(text)) return
    const { payload, type } = JSON.parse(text) as SessionMessage
    if (type === "init") this.signIn(connection, observed)
    const { session } = observed
    if (session === undefined) return
    if (payload.session_token !== undefined) this.sessionsByToken.set(payload.session_token, session)
    if (type !== "signed_out") return
    session.revokedAt ??= this.runtime.now
    // This connection stays open, without a session.
    observed.session = undefined
  }

  private signIn(connection: SimulatedConnection, observed: ObservedConnection): void {
    const { shownToken } = observed
    const session = shownToken === undefined ? undefined : this.sessionsByToken.get(shownToken)
    observed.session = session ?? { revokedAt: undefined }
    if (session?.revokedAt !== undefined) {
      this.runtime.reportViolation("AUT2", `${connection.client.name} resumed a session after its sign-out`)
    }
  }

  private checkServed({ client }: SimulatedConnection, { session }: ObservedConnection): void {
    if (session?.revokedAt !== undefined && this.runtime.now > session.revokedAt + cutMillisMax) {
      this.runtime.reportViolation("SEC7", `${client.name} is served ${cutMillisMax} ms after its session was revoked`)
    }
  }
}
