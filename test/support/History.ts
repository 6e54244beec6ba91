/**
 * What people sent and were told, against what the log holds (FLT1, SYN3-SYN5). A send whose outcome nobody knows
 * may be there or not, but never twice.
 */
import type { EventView } from "../../src/domain/Protocol.ts"

/** One command, as its sender knows it. */
export interface Sent {
  readonly id: string
  readonly author: string
  /** `acknowledged`: receipted, at `seq`. `refused`: an error answered it. `unknown`: no answer came. */
  outcome: "acknowledged" | "refused" | "unknown"
  seq: number | undefined
}

/** An event of the log, as far as this check looks at it. */
export type Logged = Pick<EventView, "seq" | "cause" | "author">

export class History {
  /** In the order they were sent, whoever sent them. */
  readonly sent: Array<Sent> = []
  acknowledged = 0
  /** The newest seq that was acknowledged. */
  newest = 0

  /** To be noted before the command leaves. */
  send(id: string, author: string): Sent {
    const sent: Sent = { id, author, outcome: "unknown", seq: undefined }
    this.sent.push(sent)
    return sent
  }

  acknowledge(sent: Sent, seq: number): void {
    if (sent.outcome !== "acknowledged") this.acknowledged += 1
    this.newest = Math.max(this.newest, seq)
    sent.outcome = "acknowledged"
    sent.seq = seq
  }

  /** What is wrong with a log from its first event on; nothing, it is hoped. */
  problems(log: ReadonlyArray<Logged>): ReadonlyArray<string> {
    return [...gaps(log), ...this.counts(log), ...this.order(log)]
  }

  private counts(log: ReadonlyArray<Logged>): ReadonlyArray<string> {
    const places = new Map<string, Array<number>>()
    for (const { cause, seq } of log) places.set(cause, [...places.get(cause) ?? [], seq])
    return this.sent.flatMap(({ id, outcome, seq }) => {
      const at = places.get(id) ?? []
      if (at.length > 1) return [`${id} is doubled: ${at.join(", ")}`]
      if (outcome === "refused" && at.length > 0) return [`${id} was refused and is at ${at[0]}`]
      if (outcome === "acknowledged" && at.length === 0) return [`${id} is lost: it was acknowledged at ${seq}`]
      return outcome === "acknowledged" && at[0] !== seq ? [`${id} is at ${at[0]}: it was acknowledged at ${seq}`] : []
    })
  }

  /** Each author's commands are in the log in the order in which they were sent. */
  private order(log: ReadonlyArray<Logged>): ReadonlyArray<string> {
    const turns = new Map(this.sent.map(({ id }, turn) => [id, turn]))
    const last = new Map<string, number>()
    return log.flatMap(({ author, cause }) => {
      const turn = turns.get(cause)
      if (turn === undefined) return []
      const before = last.get(author) ?? -1
      last.set(author, turn)
      return turn < before ? [`${cause} is out of its author's order`] : []
    })
  }
}

/** Numbers that do not follow each other. */
export const gaps = (log: ReadonlyArray<Pick<Logged, "seq">>): ReadonlyArray<string> =>
  log.flatMap(({ seq }, i) => i > 0 && seq !== log[i - 1]!.seq + 1 ? [`${seq} follows ${log[i - 1]!.seq}`] : [])

/** How what one reader heard differs from the log: events of its own, of another place, left out or heard again. */
export const unlike = (heard: ReadonlyArray<Logged>, log: ReadonlyArray<Logged>): ReadonlyArray<string> => {
  const first = heard[0]?.seq ?? 1
  const missing = heard.length - (log.length - first + 1)
  return [
    ...gaps(heard),
    ...heard.flatMap(({ cause, seq }) => log[seq - 1]?.cause === cause ? [] : [`${cause} at ${seq} is not in the log`]),
    ...missing === 0 ? [] : [`${heard.length} events were heard from ${first} on, of a log of ${log.length}`]
  ]
}
