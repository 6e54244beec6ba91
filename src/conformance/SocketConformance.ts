/**
 * `choir/conformance`: what every socket engine must do, as a list of named
 * effects for any test runner (SOC4). Give it your engine's layer and clients
 * that reach it; each check builds the engine anew.
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
import { lifecycleChecks } from "./LifecycleChecks.ts"
import { limitChecks } from "./LimitChecks.ts"
import { messagingChecks } from "./MessagingChecks.ts"

export { type Client, type ClientCapability, ConformanceFailure, ConnectFailed, type Harness } from "./Harness.ts"
export { webSocketClients } from "./WebSocketClient.ts"

/** One thing that an engine must do. */
export interface ConformanceCheck<E = never> {
  /** Names the rules of docs/SPEC.md that it proves. */
  readonly title: string
  /** What the check needs and your clients cannot do: leave it out, and say so. */
  readonly missingClientCapabilities: ReadonlyArray<ClientCapability>
  /**
   * Succeeds when the engine conforms; with the name of a capability when it declares that it cannot do this. Takes
   * at most a minute of real time.
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
    missingClientCapabilities: clientCapabilities.filter((skill) => !harness.clientCapabilities.has(skill)),
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

/** Everything that an engine is asked. Run each by itself, on the real clock. */
export const conformanceChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<ConformanceCheck<E>> =>
  [...lifecycleChecks(harness), ...messagingChecks(harness), ...limitChecks(harness)].map((scenario) =>
    makeCheck(harness, scenario)
  )
