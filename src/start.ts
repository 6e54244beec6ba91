/** Runs the server until a signal ends it. Loaded by `main` once the Node version is known to do. */
import "effect/schema/SchemaJITCompiler/enable"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Effect, Exit, Layer } from "effect"
import * as App from "./layers/app/App.ts"
import * as Config from "./layers/config/Config.ts"
import * as Telemetry from "./layers/observability/Telemetry.ts"

const program = Effect.gen(function*() {
  const settings = yield* Config.load
  const announceUrl = Layer.effectDiscard(Effect.gen(function*() {
    const { url } = yield* App.ServerAddress
    process.stdout.write(`Choir is listening on ${url}\n`)
  }))
  return yield* Layer.launch(announceUrl.pipe(
    Layer.provide(App.layer(settings)),
    Layer.provide(Telemetry.loggerLayer(settings))
  ))
})

/** What people can do something about comes as plain lines; the rest as it is, for us. */
const reportFailure = (cause: Cause.Cause<unknown>) =>
  Effect.sync(() => {
    const fault = Cause.squash(cause)
    const isExpected = Cause.hasFails(cause) && fault instanceof Error && fault.message !== ""
    process.stderr.write(`${isExpected ? fault.message : Cause.pretty(cause)}\n`)
  })

/** Starts; exits with 0 after a signal, with 1 when it could not start or broke. A second signal forces the end. */
export const start = (): void => {
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
