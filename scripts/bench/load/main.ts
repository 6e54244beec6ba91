/**
 * The load generator, in a process of its own: takes a `LoadSpec` as JSON argument, writes the `LoadResult` to
 * stdout.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import * as AbusiveClients from "./AbusiveClients.ts"
import * as ConnectionLoads from "./ConnectionLoads.ts"
import type { LoadResult, LoadSpec } from "./LoadSpec.ts"
import * as NoisyNeighbours from "./NoisyNeighbours.ts"
import * as Publish from "./Publish.ts"
import * as Requests from "./Requests.ts"

const runLoad = (job: LoadSpec): Effect.Effect<LoadResult> => {
  const { load } = job
  switch (load.kind) {
    case "publish":
      return Publish.runPublish(job, load)
    case "request":
      return Requests.runRequests(job, load)
    case "commands":
      return Requests.runCommands(job, load)
    case "idle":
      return ConnectionLoads.measureIdle(job, load)
    case "churn":
      return ConnectionLoads.measureChurn(job, load)
    case "recover":
      return ConnectionLoads.measureRecovery(job, load)
    case "noisy-neighbours":
      return NoisyNeighbours.runNoisyNeighbours(job, load)
    case "abuse":
      return AbusiveClients.runAbusiveClients(job, load, reportArrived, awaitRelease)
  }
}

const reportArrived = Effect.callback<void>((resume) => void process.stdout.write("ready\n", () => resume(Effect.void)))
const awaitRelease = Effect.callback<void>((resume) =>
  void process.stdin.once("end", () => resume(Effect.void)).resume()
)

const spec = JSON.parse(process.argv[2] ?? "") as LoadSpec

NodeRuntime.runMain(Effect.map(runLoad(spec), (result) => {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
}))
