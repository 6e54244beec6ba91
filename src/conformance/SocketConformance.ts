/**
 * `choir/conformance`: the behaviour every socket engine must have, as a list
 * of named effects for any test runner (SOC4). It takes an engine's layer and
 * clients that connect to it; each check builds the engine anew.
 */
import { Effect } from "effect"
import { defaults } from "../domain/protocol/Limits.ts"
import { type Capability, Socket, type SocketError } from "../services/Socket.ts"
import {
  type ClientCapability,
  ConformanceFailure,
  type ConnectFailed,
  type Harness,
  type Scenario
} from "./Harness.ts"
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
  /** Client capabilities that the check needs and the harness lacks: skip it if there are any. */
  readonly missingClientCapabilities: ReadonlyArray<ClientCapability>
  /**
   * Succeeds when the engine conforms, with the name of a capability when the check was skipped because the engine does
   * not declare it. Takes at most a minute of real time.
   */
  readonly run: Effect.Effect<Capability | undefined, ConformanceFailure | ConnectFailed | SocketError | E>
}

const makeCheck = <R, E>(harness: Harness<R, E>, scenario: Scenario<R>): ConformanceCheck<E> => {
  const { capability, limits, clientCapabilities = [], title } = scenario
  const undeclared = Effect.map(
    Socket,
    ({ capabilities }) => capability === undefined || capabilities.has(capability) ? undefined : capability
  )
  return {
    title,
    missingClientCapabilities: clientCapabilities.filter((needed) => !harness.clientCapabilities.has(needed)),
    run: undeclared.pipe(
      Effect.tap((undeclaredCapability) => undeclaredCapability === undefined ? scenario.run : Effect.void),
      Effect.scoped,
      Effect.provide(harness.engine({ ...defaults, ...limits })),
      Effect.timeoutOrElse({
        duration: "1 minute",
        orElse: () => Effect.fail(new ConformanceFailure({ expected: "an outcome within a minute", found: "none" }))
      })
    )
  }
}

/** All checks. Run them one at a time, on the real clock. */
export const conformanceChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<ConformanceCheck<E>> =>
  [
    ...lifecycleChecks(harness),
    ...messagingChecks(harness),
    ...heartbeatChecks(harness),
    ...limitChecks(harness)
  ].map((scenario) => makeCheck(harness, scenario))
