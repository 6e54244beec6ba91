/**
 * What people sent and were told, against what the log holds (FLT1, SYN3-SYN5). A send whose outcome nobody knows
 * may be there or not, but never twice.
 */
import type { PublishedEvent } from "../../src/domain/protocol/Protocol.ts"

/** One command, as its sender knows it. */
export interface SentCommand {
  readonly id: string
  readonly author: string
  /** `acknowledged`: receipted, at `seq`. `refused`: an error answered it. `unknown`: no answer came. */
  outcome: "acknowledged" | "rejected" | "unknown"
  seq: number | undefined
}

/** An event of the log, as far as this check looks at it. */
export type LoggedEvent = Pick<PublishedEvent, "seq" | "cause" | "author">

export class History {
  /** In the order they were sent, whoever sent them. */
  readonly sent: Array<SentCommand> = []
  acknowledgedCount = 0
  /** The newest seq that was acknowledged. */
  newestAcknowledgedSeq = 0

  /** To be noted before the command leaves. */
  recordSend(id: string, author: string): SentCommand {
    const sent: SentCommand = { id, author, outcome: "unknown", seq: undefined }
    this.sent.push(sent)
    return sent
  }

  acknowledge(sent: SentCommand, seq: number): void {
    if (sent.outcome !== "acknowledged") this.acknowledgedCount += 1
    this.newestAcknowledgedSeq = Math.max(this.newestAcknowledgedSeq, seq)
    sent.outcome = "acknowledged"
    sent.seq = seq
  }

  /** What is wrong with a log from its first event on; nothing, it is hoped. */
  findViolations(log: ReadonlyArray<LoggedEvent>): ReadonlyArray<string> {
    return [...findGaps(log), ...this.checkOccurrences(log), ...this.checkAuthorOrder(log)]
  }

  private checkOccurrences(log: ReadonlyArray<LoggedEvent>): ReadonlyArray<string> {
    const seqsByCommand = new Map<string, Array<number>>()
    for (const { cause, seq } of log) seqsByCommand.set(cause, [...seqsByCommand.get(cause) ?? [], seq])
    return this.sent.flatMap(({ id, outcome, seq }) => {
      const at = seqsByCommand.get(id) ?? []
      if (at.length > 1) return [`${id} is doubled: ${at.join(", ")}`]
      if (outcome === "rejected" && at.length > 0) return [`${id} was refused and is at ${at[0]}`]
      if (outcome === "acknowledged" && at.length === 0) return [`${id} is lost: it was acknowledged at ${seq}`]
      return outcome === "acknowledged" && at[0] !== seq ? [`${id} is at ${at[0]}: it was acknowledged at ${seq}`] : []
    })
  }

  /** Each author's commands are in the log in the order in which they were sent. */
  private checkAuthorOrder(log: ReadonlyArray<LoggedEvent>): ReadonlyArray<string> {
    const sendOrder = new Map(this.sent.map(({ id }, position) => [id, position]))
    const lastByAuthor = new Map<string, number>()
    return log.flatMap(({ author, cause }) => {
      const turn = sendOrder.get(cause)
      if (turn === undefined) return []
      const previous = lastByAuthor.get(author) ?? -1
      lastByAuthor.set(author, turn)
      return turn < previous ? [`${cause} is out of its author's order`] : []
    })
  }
}

/** Numbers that do not follow each other. */
export const findGaps = (log: ReadonlyArray<Pick<LoggedEvent, "seq">>): ReadonlyArray<string> =>
  log.flatMap(({ seq }, i) => i > 0 && seq !== log[i - 1]!.seq + 1 ? [`${seq} follows ${log[i - 1]!.seq}`] : [])

/** How what one reader heard differs from the log: events of its own, of another place, left out or heard again. */
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
    ...missing === 0 ? [] : [`${received.length} events were heard from ${first} on, of a log of ${log.length}`]
  ]
}
