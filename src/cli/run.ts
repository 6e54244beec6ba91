/** The `choir` command: its subcommands, error output and exit code. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Effect, Exit } from "effect"
import { CliError, Command } from "effect/cli"
import { ask } from "./Ask.ts"
import { chat } from "./Chat.ts"
import { importFolder } from "./Import.ts"

const serve = Command.make(
  "serve",
  {},
  // The server handles signals and shutdown itself; this program ends once it has started.
  () => Effect.asVoid(Effect.promise(() => import("../main.ts")))
).pipe(Command.withDescription("Run the server. Settings are CHOIR_* environment variables, as for npm start."))

const choir = Command.make("choir").pipe(
  Command.withDescription("Command line of a Choir server: threads, and an AI that answers in six visible steps."),
  Command.withSubcommands([serve, ask, chat, importFolder])
)

/** Prints the message of a failure or the cause of a defect. Usage errors were printed by `effect/cli` already. */
const reportError = (cause: Cause.Cause<unknown>) =>
  Effect.sync(() => {
    const error = Cause.squash(cause)
    if (CliError.isCliError(error)) return
    const isExpected = Cause.hasFails(cause) && error instanceof Error && error.message !== ""
    process.stderr.write(`${isExpected ? error.message : Cause.pretty(cause)}\n`)
  })

/** Exits quietly on EPIPE: the reader of the output has closed the pipe, as `| head -1` does. */
const exitOnBrokenPipe = (error: NodeJS.ErrnoException): void => {
  if (error.code !== "EPIPE") throw error
  process.exit(0)
}

/** Runs the command line. Exit codes: 0 success, 1 failure, 130 interrupted. */
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
