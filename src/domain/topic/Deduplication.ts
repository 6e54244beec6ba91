/** Commands are idempotent: an id is applied once per topic, and its repeats get the first receipt (SYN4). */
import { Result } from "effect"
import { type Author, type CommandId, isUser, type TopicId } from "../protocol/Ids.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import * as StateHash from "../protocol/StateHash.ts"

/** The one positive reply to a command: durable up to `seq`. `duplicate`: it had been applied before. */
export interface Receipt {
  readonly topic: TopicId
  readonly seq: number
  readonly duplicate: boolean
}

/** The author of a command, and the hash of its input; no hash for the server's own commands. */
export interface CommandOrigin {
  readonly author: Author
  readonly commandHash?: StateHash.StateHash
}

/** A command that was applied, up to `seq`. Entries written before hashes were stored have none. */
export interface ProcessedCommand extends CommandOrigin {
  readonly seq: number
}

/** A command that was applied without an event. */
export interface EventlessCommand extends ProcessedCommand {
  readonly id: CommandId
}

/**
 * A command's identity besides its id. Users repeat a command unchanged, with the salt of its texts (TOP10); without a
 * salt of the sender's the same text has another commitment each time. The server may build the same command from another
 * state, so that its input proves nothing.
 */
export const originOf = (author: Author, input: unknown, isRepeatable: boolean): CommandOrigin =>
  isUser(author) && isRepeatable ? { author, commandHash: StateHash.hashOnce(input) } : { author }

const usedByAnotherAuthor = makeRejection("id_conflict", "SYN4", "this id was used by another author's command")
const usedByAnotherCommand = makeRejection(
  "id_conflict",
  "SYN4",
  "you have used this id for another command: give this command an id of its own"
)

/** SYN4, SYN5: the reply to a command whose id was applied before: the first receipt, or `id_conflict`. */
export const replyToDuplicate = (
  topic: TopicId,
  first: ProcessedCommand,
  repeated: CommandOrigin
): Result.Result<Receipt, Rejection> => {
  if (first.author !== repeated.author) return Result.fail(usedByAnotherAuthor)
  const isOtherCommand = first.commandHash !== undefined && repeated.commandHash !== undefined &&
    first.commandHash !== repeated.commandHash
  return isOtherCommand
    ? Result.fail(usedByAnotherCommand)
    : Result.succeed({ topic, seq: first.seq, duplicate: true })
}
