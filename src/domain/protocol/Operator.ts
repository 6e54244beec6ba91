/** What the operator may ask of a running server, through the socket in its data folder (AUT8). */
import { Schema } from "effect"
import { TopicId } from "./Ids.ts"

/** The folder in the data folder, and the socket in it. */
export const operatorFolder = "operator"
/** The name of the socket. */
export const operatorSocketName = "socket"

/** Erases texts of the event `seq` of a topic: those at `paths`, by default all (TOP10). */
export const EraseRequest = Schema.Struct({
  /** Who asks, for the log. */
  operator: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._-]{1,64}$/u)),
  topic: TopicId,
  seq: Schema.Natural,
  paths: Schema.optionalKey(Schema.Array(Schema.String)),
  reason: Schema.String.check(
    Schema.isBetweenLength(1, 2_000),
    Schema.makeFilter((reason) => reason.isWellFormed(), { expected: "well-formed Unicode" })
  )
})
export type EraseRequest = typeof EraseRequest.Type
/** The event of the erasure. */
export const EraseReply = Schema.Struct({ seq: Schema.Natural })
/** Why something was refused. */
export const OperatorRefusal = Schema.Struct({ message: Schema.String })
