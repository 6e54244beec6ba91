/** The load generator: one job, in a process of its own. Reads it from its argument; writes the result to stdout. */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import * as Comings from "./Comings.ts"
import * as Crowd from "./Crowd.ts"
import type { Job, Result } from "./Job.ts"
import * as Mob from "./Mob.ts"
import * as Publish from "./Publish.ts"
import * as Requests from "./Requests.ts"

const run = (job: Job): Effect.Effect<Result> => {
  const { load } = job
  switch (load.kind) {
    case "publish":
      return Publish.run(job, load)
    case "request":
      return Requests.run(job, load)
    case "commands":
      return Requests.commands(job, load)
    case "idle":
      return Comings.idle(job, load)
    case "churn":
      return Comings.churn(job, load)
    case "recover":
      return Comings.recover(job, load)
    case "crowd":
      return Crowd.run(job, load)
    case "mob":
      return Mob.run(job, load, here, gone)
  }
}

const here = Effect.callback<void>((resume) => void process.stdout.write("here\n", () => resume(Effect.void)))
const gone = Effect.callback<void>((resume) => void process.stdin.once("end", () => resume(Effect.void)).resume())

const job = JSON.parse(process.argv[2] ?? "") as Job

NodeRuntime.runMain(Effect.map(run(job), (result) => {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
}))
