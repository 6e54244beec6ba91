/** Writers that append to logs without pause while a test disturbs the database, and what must be true of the logs after. */
import { Effect, Option, Result, Schedule } from "effect"
import { CommandId, type TopicId } from "../../src/domain/protocol/Ids.ts"
import type { AppendRequest, EventLog, EventLogError } from "../../src/services/EventLog.ts"

type Log = EventLog["Service"]

/** An append that a writer made, under the id of its one command. */
interface RecordedAppend {
  readonly topic: TopicId
  readonly command: CommandId
  readonly isEventless: boolean
  /** The seq of its event, or that it was decided at; `refused`: by a seq conflict; `unknown`: the log was unavailable. */
  outcome: number | "refused" | "unknown" | undefined
}

/** What the writers of a test share. */
export class AppendWorkload {
  readonly appends: Array<RecordedAppend> = []
  /** Ends the writers, each after its append. */
  stopped = false

  /** How many appends had this outcome. */
  count(outcome: "acknowledged" | "refused" | "unknown"): number {
    return this.appends.filter((append) =>
      outcome === "acknowledged" ? typeof append.outcome === "number" : append.outcome === outcome
    ).length
  }

  /** Appends one command after the other, every third without an event, and reads the head after each failure. */
  readonly run = Effect.fnUntraced({ self: this }, function*(log: Log, topic: TopicId, writer: string) {
    let head = yield* readHead(log, topic)
    for (let n = 0; !this.stopped; n++) {
      const append: RecordedAppend = {
        topic,
        command: CommandId.make(`${writer}-${n}`),
        isEventless: n % 3 === 0,
        outcome: undefined
      }
      this.appends.push(append)
      const result = yield* Effect.result(log.append(toRequest(append, head)))
      if (Result.isSuccess(result)) {
        head += result.success.length
        append.outcome = head
        continue
      }
      append.outcome = result.failure.reason._tag === "SeqConflict" ? "refused" : "unknown"
      // Each attempt on a server that takes no writes costs that a process.
      head = yield* Effect.delay(readHead(log, topic), append.outcome === "unknown" ? "25 millis" : 0)
    }
  })

  /** What is wrong with the logs: acknowledged appends that are missing, elsewhere or there twice, and refused ones. */
  readonly findViolations = (log: Log): Effect.Effect<ReadonlyArray<string>, EventLogError> =>
    retryUntilAvailable(this.compareWith(log))

  private readonly compareWith = Effect.fnUntraced({ self: this }, function*(log: Log) {
    const violations: Array<string> = []
    for (const topic of new Set(this.appends.map((append) => append.topic))) {
      const entries = yield* log.read(topic, { after: 0, limit: 1_000_000 })
      const seqs = Map.groupBy(entries, ({ cause }) => cause)
      for (const { command, isEventless, outcome } of this.appends.filter((append) => append.topic === topic)) {
        const found = isEventless
          ? Option.toArray(yield* log.findProcessedCommand(topic, command)).map(({ seq }) => seq)
          : (seqs.get(command) ?? []).map(({ seq }) => seq)
        const expected = typeof outcome === "number" ? [outcome] : outcome === "refused" ? [] : found.slice(0, 1)
        if (String(found) !== String(expected)) {
          violations.push(`${command} in ${topic} was ${outcome}, and is at ${JSON.stringify(found)}`)
        }
      }
    }
    return violations
  })
}

const retryUntilAvailable = <A>(effect: Effect.Effect<A, EventLogError>): Effect.Effect<A, EventLogError> =>
  Effect.retry(effect, { while: ({ retryable }) => retryable, schedule: Schedule.spaced("50 millis") })

const readHead = (log: Log, topic: TopicId): Effect.Effect<number, EventLogError> =>
  log.head(topic).pipe(
    Effect.map(Option.match({ onNone: () => 0, onSome: ({ position }) => position.seq })),
    retryUntilAvailable
  )

const toRequest = ({ command, isEventless, topic }: RecordedAppend, expectedSeq: number): AppendRequest => ({
  topic,
  expectedSeq,
  drafts: isEventless ? [] : [{
    topic,
    seq: expectedSeq + 1,
    at: 1,
    cause: command,
    principal: { server: "system:alice" },
    depth: 0,
    version: 1,
    event: { text: "a line" }
  }],
  eventlessCommands: isEventless ? [{ id: command, seq: expectedSeq, author: "system:alice" }] : [],
  wakeAt: undefined,
  hasPendingIntents: false,
  listing: isEventless
    ? undefined
    : { title: command, visibility: "members", status: "active", members: ["system:alice"], updatedAt: 1 }
})
