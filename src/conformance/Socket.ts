/**
 * `choir/conformance`: what every socket engine must do, as a list of named
 * effects for any test runner (SOC4). Give it your engine's layer and clients
 * that reach it; each check builds the engine anew.
 */
import { Effect } from "effect"
import { defaults } from "../domain/Limits.ts"
import { type Capability, Socket, type SocketError } from "../services/Socket.ts"
import { bounds } from "./Bounds.ts"
import { type Harness, Nonconforming, type NotConnected, type Scenario, type Skill } from "./Harness.ts"
import { lifecycle } from "./Lifecycle.ts"
import { traffic } from "./Traffic.ts"

export { type Client, type Harness, Nonconforming, NotConnected, type Skill } from "./Harness.ts"
export { webSocket } from "./WebSocketClient.ts"

/** One thing that an engine must do. */
export interface Check<E = never> {
  /** Names the rules of docs/SPEC.md that it proves. */
  readonly title: string
  /** What the check needs and your clients cannot do: leave it out, and say so. */
  readonly lacking: ReadonlyArray<Skill>
  /**
   * Succeeds when the engine conforms; with the name of a capability when it declares that it cannot do this. Takes
   * at most a minute of real time.
   */
  readonly run: Effect.Effect<Capability | undefined, Nonconforming | NotConnected | SocketError | E>
}

const check = <R, E>(harness: Harness<R, E>, scenario: Scenario<R>): Check<E> => {
  const { capability, limits, skills = [], title } = scenario
  const undeclared = Effect.map(
    Socket,
    ({ capabilities }) => capability === undefined || capabilities.has(capability) ? undefined : capability
  )
  return {
    title,
    lacking: skills.filter((skill) => !harness.skills.has(skill)),
    run: undeclared.pipe(
      Effect.tap((cannot) => cannot === undefined ? scenario.run : Effect.void),
      Effect.scoped,
      Effect.provide(harness.engine({ ...defaults, ...limits })),
      Effect.timeoutOrElse({
        duration: "1 minute",
        orElse: () => Effect.fail(new Nonconforming({ expected: "an outcome within a minute", found: "none" }))
      })
    )
  }
}

/** Everything that an engine is asked. Run each by itself, on the real clock. */
export const checks = <R, E>(harness: Harness<R, E>): ReadonlyArray<Check<E>> =>
  [...lifecycle(harness), ...traffic(harness), ...bounds(harness)].map((scenario) => check(harness, scenario))
