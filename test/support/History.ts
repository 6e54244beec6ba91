/**
 * The history checker: compares the commands that clients sent, and their observed outcomes, with the log (FLT1, SYN3-SYN5).
 * As in Jepsen, a command with an unknown outcome may have been applied or not, but at most once.
 */
import { authorOf } from "../../src/domain/protocol/Principal.ts"
import type { PublishedEvent } from "../../src/domain/protocol/Protocol.ts"

/** A command and its outcome, as its sender observed it. */
export interface SentCommand {
  readonly id: string
  readonly author: string
  /** `acknowledged`: a receipt with `seq`. `rejected`: an error. `unknown`: no answer. */
  outcome: "acknowledged" | "rejected" | "unknown"
  seq: number | undefined
}

/** The fields of a logged event that the checker compares. */
export type LoggedEvent = Pick<PublishedEvent, "seq" | "cause" | "principal">

/** All commands of a test. */
export class History {
  /** In the order of sending, over all senders. */
  readonly sent: Array<SentCommand> = []
  acknowledgedCount = 0
  /** The newest seq that was acknowledged. */
  newestAcknowledgedSeq = 0

  /** Records a command; to be called before it is sent. */
  recordSend(id: string, author: string): SentCommand {
    const sent: SentCommand = { id, author, outcome: "unknown", seq: undefined }
    this.sent.push(sent)
    return sent
  }

  /** Records a receipt. */
  acknowledge(sent: SentCommand, seq: number): void {
    if (sent.outcome !== "acknowledged") this.acknowledgedCount += 1
    this.newestAcknowledgedSeq = Math.max(this.newestAcknowledgedSeq, seq)
    sent.outcome = "acknowledged"
    sent.seq = seq
  }

  /** Violations in a complete log: gaps, lost, duplicated, misplaced or reordered commands. */
  findViolations(log: ReadonlyArray<LoggedEvent>): ReadonlyArray<string> {
    return [...findGaps(log), ...this.checkOccurrences(log), ...this.checkAuthorOrder(log)]
  }

  private checkOccurrences(log: ReadonlyArray<LoggedEvent>): ReadonlyArray<string> {
    const seqsByCommand = new Map<string, Array<number>>()
    for (const { cause, seq } of log) seqsByCommand.set(cause, [...seqsByCommand.get(cause) ?? [], seq])
    return this.sent.flatMap(({ id, outcome, seq }) => {
      const at = seqsByCommand.get(id) ?? []
      if (at.length > 1) return [`${id} is duplicated: ${at.join(", ")}`]
      if (outcome === "rejected" && at.length > 0) return [`${id} was rejected, but is at ${at[0]}`]
      if (outcome === "acknowledged" && at.length === 0) return [`${id} is lost: it was acknowledged at ${seq}`]
      return outcome === "acknowledged" && at[0] !== seq ? [`${id} is at ${at[0]}: it was acknowledged at ${seq}`] : []
    })
  }

  /** Each author's commands are in the log in the order in which they were sent. */
  private checkAuthorOrder(log: ReadonlyArray<LoggedEvent>): ReadonlyArray<string> {
    const sendOrder = new Map(this.sent.map(({ id }, position) => [id, position]))
    const lastByAuthor = new Map<string, number>()
    return log.flatMap(({ cause, principal }) => {
      const position = sendOrder.get(cause)
      if (position === undefined) return []
      const author = authorOf(principal)
      const previous = lastByAuthor.get(author) ?? -1
      lastByAuthor.set(author, position)
      return position < previous ? [`${cause} is out of its author's order`] : []
    })
  }
}

/** Consecutive events whose seqs are not consecutive. */
export const findGaps = (log: ReadonlyArray<Pick<LoggedEvent, "seq">>): ReadonlyArray<string> =>
  log.flatMap(({ seq }, i) => i > 0 && seq !== log[i - 1]!.seq + 1 ? [`${seq} follows ${log[i - 1]!.seq}`] : [])

/** Differences between the events that a subscriber received and the log: foreign, misplaced, missing or repeated ones. */
export const compareWithLog = (
  received: ReadonlyArray<LoggedEvent>,
  log: ReadonlyArray<LoggedEvent>
): ReadonlyArray<string> => {
  const first = received[0]?.seq ?? 1
  const missing = received.length - (log.length - first + 1)
  return [
    ...findGaps(received),
    ...received.flatMap(({ cause, seq }) =>
      log[seq - 1]?.cause === cause ? [] : [`${cause} at ${seq} is not in the log`]
    ),
    ...missing === 0 ? [] : [`${received.length} events were received from ${first} on, of a log of ${log.length}`]
  ]
}
