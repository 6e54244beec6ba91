/**
 * The commands that a topic has applied (SYN4): the newest in memory, all of them in the log. While memory holds all, the
 * log is not read.
 */
import { Effect, Option } from "effect"
import type { CommandId, TopicId } from "../../domain/protocol/Ids.ts"
import { authorOf } from "../../domain/protocol/Principal.ts"
import type { ProcessedCommand } from "../../domain/topic/Deduplication.ts"
import type { Entry } from "../../domain/topic/Log.ts"
import type { EventLog, EventLogError } from "../../services/EventLog.ts"
import type { SubmitMessage } from "./HostMessages.ts"

/** Commands kept in memory per topic. */
const cacheMax = 1024

/** One topic's newest applied commands, oldest evicted first. */
export class ProcessedCommandCache {
  private readonly topic: TopicId
  private readonly log: EventLog["Service"]
  private readonly recent = new Map<CommandId, ProcessedCommand>()
  private isComplete = true

  constructor(topic: TopicId, log: EventLog["Service"]) {
    this.topic = topic
    this.log = log
  }

  /** Starts again from the newest entries of a log, if there is one: commands without an event are not among them. */
  reset(hasLog: boolean, tail: ReadonlyArray<Entry>): void {
    this.recent.clear()
    this.isComplete = !hasLog
    this.addEntries(tail)
  }

  addEntries(entries: ReadonlyArray<Entry>): void {
    for (const { command_hash, cause, principal, seq } of entries) {
      const author = authorOf(principal)
      this.add(cause, command_hash === undefined ? { seq, author } : { seq, author, commandHash: command_hash })
    }
  }

  add(id: CommandId, command: ProcessedCommand): void {
    this.recent.set(id, command)
    if (this.recent.size <= cacheMax) return
    for (const oldest of this.recent.keys()) {
      this.recent.delete(oldest)
      this.isComplete = false
      return
    }
  }

  /** The log may hold commands that memory does not. */
  markIncomplete(): void {
    this.isComplete = false
  }

  readonly get = (id: CommandId): ProcessedCommand | undefined => this.recent.get(id)

  /** Reads the outcomes of these commands from the log, unless the cache is complete. */
  prefetch(commands: ReadonlyArray<SubmitMessage>): Effect.Effect<void, EventLogError> {
    if (this.isComplete) return Effect.void
    return Effect.forEach(commands, ({ request: { id } }) => this.fetchCommand(id), { discard: true })
  }

  private fetchCommand(id: CommandId): Effect.Effect<void, EventLogError> {
    return Effect.gen({ self: this }, function*() {
      if (this.recent.has(id)) return
      const command = Option.getOrUndefined(yield* this.log.findProcessedCommand(this.topic, id))
      if (command !== undefined) this.add(id, command)
    })
  }
}
