/**
 * The commands that a topic has carried out (SYN4): the newest in memory, all
 * of them in the log. As long as memory holds all, the log is not asked.
 */
import { Effect, Option } from "effect"
import type { CommandId, TopicId } from "../../domain/Ids.ts"
import type { Entry } from "../../domain/Log.ts"
import type { Carried, EventLog, EventLogError } from "../../services/EventLog.ts"
import type { Submit } from "./Messages.ts"

/** Commands kept in memory per topic. */
const keep = 1024

export class Outcomes {
  private readonly topic: TopicId
  private readonly log: EventLog["Service"]
  private readonly recent = new Map<CommandId, Carried>()
  private complete = true

  constructor(topic: TopicId, log: EventLog["Service"]) {
    this.topic = topic
    this.log = log
  }

  /** Begins anew with the newest entries of a log, if there is one: commands that made no event are not among them. */
  reset(exists: boolean, tail: ReadonlyArray<Entry>): void {
    this.recent.clear()
    this.complete = !exists
    this.learn(tail)
  }

  learn(entries: ReadonlyArray<Entry>): void {
    for (const { asked, author, cause, seq } of entries) {
      this.remember(cause, asked === undefined ? { seq, author } : { seq, author, asked })
    }
  }

  remember(id: CommandId, carried: Carried): void {
    this.recent.set(id, carried)
    if (this.recent.size <= keep) return
    for (const oldest of this.recent.keys()) {
      this.recent.delete(oldest)
      this.complete = false
      return
    }
  }

  /** There may be commands in the log that memory does not know. */
  doubt(): void {
    this.complete = false
  }

  readonly get = (id: CommandId): Carried | undefined => this.recent.get(id)

  /** Fetches from the log what memory does not know about these commands. */
  lookUp(submits: ReadonlyArray<Submit>): Effect.Effect<void, EventLogError> {
    if (this.complete) return Effect.void
    return Effect.forEach(submits, ({ submission: { id } }) => this.fetch(id), { discard: true })
  }

  private fetch(id: CommandId): Effect.Effect<void, EventLogError> {
    return Effect.gen({ self: this }, function*() {
      if (this.recent.has(id)) return
      const carried = Option.getOrUndefined(yield* this.log.outcome(this.topic, id))
      if (carried !== undefined) this.remember(id, carried)
    })
  }
}
