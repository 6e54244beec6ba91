/** Why a command of `choir` came to nothing, as one sentence for whoever typed it. */
import { Schema } from "effect"

export class CliError extends Schema.TaggedError<CliError>()("CliError", { message: Schema.String }) {}
