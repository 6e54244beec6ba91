/** Why a command of `choir` came to nothing, as one sentence for whoever typed it. */
import { Schema } from "effect"

export class Failure extends Schema.TaggedError<Failure>()("Failure", { message: Schema.String }) {}
