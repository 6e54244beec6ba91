/** The load generator: one job, in a process of its own. Reads it from its argument; writes the result to stdout. */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import type { Job, Result } from "./Job.ts"
import * as Publish from "./Publish.ts"
import * as Requests from "./Requests.ts"

const run = (job: Job): Effect.Effect<Result> => {
  const { load } = job
  switch (load.kind) {
    case "publish":
      return Publish.run(job, load)
    case "request":
      return Requests.run(job, load)
    default:
      return Effect.die("not yet")
  }
}

const job = JSON.parse(process.argv[2] ?? "") as Job

NodeRuntime.runMain(Effect.map(run(job), (result) => {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
}))
