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
const report = (cause: Cause.Cause<unknown>) =>
  Effect.sync(() => {
    const fault = Cause.squash(cause)
    if (CliError.isCliError(fault)) return
    const known = Cause.hasFails(cause) && fault instanceof Error && fault.message !== ""
    process.stderr.write(`${known ? fault.message : Cause.pretty(cause)}\n`)
  })

/** Who reads the output may have had enough of it (`| head -1`); there is nobody left to tell anything. */
const leaveWithReader = (fault: NodeJS.ErrnoException): void => {
  if (fault.code !== "EPIPE") throw fault
  process.exit(0)
}

/** Runs the command line; exits with 0 when it did what was asked, else with 1. */
export const run = (): void => {
  process.stdout.on("error", leaveWithReader)
  choir.pipe(
    Command.run({ version: "0.1.0" }),
    Effect.tapCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : report(cause)),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, done) => done(Exit.isSuccess(exit) ? 0 : Cause.hasInterruptsOnly(exit.cause) ? 130 : 1)
    })
  )
}
