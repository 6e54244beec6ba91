/** The `choir` command: its subcommands, error output and exit code. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Layer } from "effect"
import { CliError as EffectCliError, CliOutput, Command } from "effect/cli"
import process from "node:process"
import { ask } from "./Ask.ts"
import { chat } from "./Chat.ts"
import { CliError } from "./CliError.ts"
import { erase } from "./Erase.ts"
import { importText } from "./Import.ts"
import { close, invite, key, leave, vote } from "./Members.ts"
import { writeError } from "./Output.ts"
import { version } from "./Version.ts"

/** For the help: `main` starts the server before anything of this file is loaded. */
const serve = Command.make(
  "serve",
  {},
  () =>
    Effect.fail(new CliError({ message: "choir serve stands alone: its settings are CHOIR_* environment variables." }))
).pipe(Command.withDescription("Run the server. Settings are CHOIR_* environment variables, as for npm start."))

const choir = Command.make("choir").pipe(
  Command.withDescription("Command line of a Choir server: threads, and an AI that answers in six visible steps."),
  Command.withSubcommands([serve, ask, chat, importText, key, invite, vote, leave, close, erase])
)

/** The settings of the commands that connect, below their help. */
const settingsHelp = `
SETTINGS
  CHOIR_URL         The server's address. Default: CHOIR_PORT of this machine, or 4100.
  CHOIR_KEY_FILE    The file of your key, made at its first use. Default: ~/.config/choir/key
`

/** Help with the settings; wrong use with what is wrong and where to read on. */
const presenter = CliOutput.layerPresenter({
  present: (event) => {
    switch (event._tag) {
      case "Help":
        return Effect.andThen(
          CliOutput.defaultPresenter.present(event),
          Effect.sync(() => void (event.commandPath.at(-1) === "serve" || process.stdout.write(settingsHelp)))
        )
      case "InvalidInvocation":
        return Effect.sync(() => {
          for (const { message } of event.errors) writeError(message)
          writeError(`See ${event.commandPath.join(" ")} --help.`)
        })
      case "Version":
        return CliOutput.defaultPresenter.present(event)
    }
  }
})

/** Prints the message of a failure or the cause of a defect. Usage errors were printed by `presenter` already. */
const reportError = (cause: Cause.Cause<unknown>) =>
  Effect.sync(() => {
    const error = Cause.squash(cause)
    if (EffectCliError.isCliError(error)) return
    const isExpected = Cause.hasFails(cause) && error instanceof Error && error.message !== ""
    writeError(isExpected ? error.message : Cause.pretty(cause))
  })

/** Exits when the output cannot be written: quietly if its reader has closed the pipe, as `| head -1` does. */
const exitWithoutOutput = (error: NodeJS.ErrnoException): void => {
  if (error.code === "EPIPE") process.exit(0)
  writeError(`The output cannot be written: ${error.message}`)
  process.exit(1)
}

/** Runs the command line. Exit codes: 0 success, 1 failure, 130 interrupted. */
export const run = (): void => {
  process.stdout.on("error", exitWithoutOutput)
  process.stderr.on("error", () => {})
  choir.pipe(
    Command.run({ version }),
    Effect.tapCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : reportError(cause)),
    Effect.provide(Layer.merge(NodeServices.layer, presenter)),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, done) => done(Exit.isSuccess(exit) ? 0 : Cause.hasInterruptsOnly(exit.cause) ? 130 : 1)
    })
  )
}
