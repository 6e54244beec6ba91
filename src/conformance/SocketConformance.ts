/**
 * `choir/conformance`: the behaviour every socket engine must have, as a list
 * of named effects for any test runner (SOC4). It takes an engine's layer and
 * clients that connect to it; each check builds the engine anew.
 */
import { Effect } from "effect"
import { defaults } from "../domain/protocol/Limits.ts"
import { Socket, type SocketError } from "../services/Socket.ts"
import { ConformanceFailure, type ConnectFailed, type Harness, type Scenario } from "./Harness.ts"
import { heartbeatChecks } from "./HeartbeatChecks.ts"
import { lifecycleChecks } from "./LifecycleChecks.ts"
import { limitChecks } from "./LimitChecks.ts"
import { messagingChecks } from "./MessagingChecks.ts"

export { type Client, type ClientCapability, ConformanceFailure, ConnectFailed, type Harness } from "./Harness.ts"
export { webSocketClients } from "./WebSocketClient.ts"

/** One check, bound to an engine. */
export interface ConformanceCheck<E = never> {
  /** Starts with the rules of docs/SPEC.md that it proves. */
  readonly title: string
  /**
   * Succeeds when the engine conforms, or does not declare the capability that the check is about. Takes at most a
   * minute of real time.
   */
  readonly run: Effect.Effect<void, ConformanceFailure | ConnectFailed | SocketError | E>
}

const makeCheck = <R, E>(
  harness: Harness<R, E>,
  { capability, limits, run, title }: Scenario<R>
): ConformanceCheck<E> => ({
  title,
  run: Effect.flatMap(
    Socket,
    ({ capabilities }) => capability === undefined || capabilities.has(capability) ? run : Effect.void
  ).pipe(
    Effect.scoped,
    Effect.provide(harness.engine({ ...defaults, ...limits })),
    Effect.timeoutOrElse({
      duration: "1 minute",
      orElse: () => Effect.fail(new ConformanceFailure({ expected: "an outcome within a minute", found: "none" }))
    })
  )
})

/** All checks that the harness's clients can run. Run them one at a time, on the real clock. */
export const conformanceChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<ConformanceCheck<E>> =>
  [
    ...lifecycleChecks(harness),
    ...messagingChecks(harness),
    ...heartbeatChecks(harness),
    ...limitChecks(harness)
  ].filter(({ clientCapabilities = [] }) =>
    clientCapabilities.every((needed) => harness.clientCapabilities.has(needed))
  )
    .map((scenario) => makeCheck(harness, scenario))
