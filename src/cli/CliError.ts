/** The error type of the command line. */
import { Schema } from "effect"

/** An expected failure; its message is printed as it is. */
export class CliError extends Schema.TaggedError<CliError>()("CliError", { message: Schema.String }) {}
