/** The commands of `choir`, put together and run. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Effect, Exit } from "effect"
import { CliError, Command } from "effect/cli"
import { ask } from "./Ask.ts"
import { chat } from "./Chat.ts"
import { importFolder } from "./Import.ts"

const serve = Command.make(
  "serve",
  {},
  // The server brings its own signals and its own end; this program is over once it has started.
  () => Effect.asVoid(Effect.promise(() => import("../main.ts")))
).pipe(Command.withDescription("Run the server. Its settings are CHOIR_* variables, as for npm start."))

const choir = Command.make("choir").pipe(
  Command.withDescription("Think together in threads, with a Chorus that answers in six visible steps."),
  Command.withSubcommands([serve, ask, chat, importFolder])
)

/** What people can do something about is one sentence; a wrong use has been explained already; the rest is for us. */
const reportError = (cause: Cause.Cause<unknown>) =>
  Effect.sync(() => {
    const error = Cause.squash(cause)
    if (CliError.isCliError(error)) return
    const isExpected = Cause.hasFails(cause) && error instanceof Error && error.message !== ""
    process.stderr.write(`${isExpected ? error.message : Cause.pretty(cause)}\n`)
  })

/** Who reads the output may have had enough of it (`| head -1`); there is nobody left to tell anything. */
const exitOnBrokenPipe = (error: NodeJS.ErrnoException): void => {
  if (error.code !== "EPIPE") throw error
  process.exit(0)
}

/** Runs the command line; exits with 0 when it did what was asked, else with 1. */
export const run = (): void => {
  process.stdout.on("error", exitOnBrokenPipe)
  choir.pipe(
    Command.run({ version: "0.1.0" }),
    Effect.tapCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : reportError(cause)),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, done) => done(Exit.isSuccess(exit) ? 0 : Cause.hasInterruptsOnly(exit.cause) ? 130 : 1)
    })
  )
}
