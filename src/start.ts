/** Runs the server until a signal. Loaded by `main.ts` after its check of the Node version. */
import "effect/schema/SchemaJITCompiler/enable"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Layer } from "effect"
import { resolve } from "node:path"
import * as App from "./layers/app/App.ts"
import * as Config from "./layers/config/Config.ts"
import { summarizeStart } from "./layers/config/StartSummary.ts"
import * as Telemetry from "./layers/observability/Telemetry.ts"

/** The command line, as it is called where this server was started: by `choir serve`, or in a clone. */
const cli = process.argv[2] === "serve" ? "choir" : "npm run choir --"

const program = Effect.gen(function*() {
  const settings = yield* Config.load
  const announceUrl = Layer.effectDiscard(Effect.gen(function*() {
    const { url } = yield* App.ServerAddress
    process.stdout.write(summarizeStart(settings, { url, folder: resolve(settings.data), cli }))
  }))
  return yield* Layer.launch(announceUrl.pipe(
    Layer.provide(App.layer(settings)),
    Layer.provide(Telemetry.loggerLayer(settings))
  ))
})

/** Prints expected failures as their message, and defects with their full cause. */
const reportFailure = (cause: Cause.Cause<unknown>) =>
  Effect.sync(() => {
    const fault = Cause.squash(cause)
    const isExpected = Cause.hasFails(cause) && fault instanceof Error && fault.message !== ""
    process.stderr.write(`${isExpected ? fault.message : Cause.pretty(cause)}\n`)
  })

/** Starts the server. Exits with 0 after a signal, with 1 after a failure; a second signal exits at once. */
export const start = (): void => {
  // Whoever reads the output may go away, and lines may find no room: they are lost, and the server goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  let signals = 0
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      signals += 1
      if (signals > 1) process.exit(1)
    })
  }
  program.pipe(
    Effect.tapCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : reportFailure(cause)),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, done) => done(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
    })
  )
}
