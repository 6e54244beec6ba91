/**
 * Checks every change when it becomes durable: its kind finds no fault with it (THR8); in a thread, votes are cast once
 * and by voters (THR3), and a submission ends as its votes say (THR4).
 */
import { kindOf, type TopicId } from "../../../domain/protocol/Ids.ts"
import type { Event, EventOf, State } from "../../../domain/thread/ThreadModel.ts"
import type { DecodedEntry } from "../../../domain/topic/DurableState.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

/** Checks the threads of one run. */
export class ThreadChecker {
  private readonly runtime: SimulationRuntime
  private readonly oracle: DurableModel

  constructor(runtime: SimulationRuntime, oracle: DurableModel) {
    this.runtime = runtime
    this.oracle = oracle
  }

  /** Checks an append that became durable; the oracle has applied it. */
  checkCommit(topic: TopicId, entries: ReadonlyArray<DecodedEntry>): void {
    const history = this.oracle.historyOf(topic)
    if (history === undefined) return
    const { kind, states } = history
    let events: Array<unknown> = []
    for (const [i, { cause, decoded, seq }] of entries.entries()) {
      if (kindOf(topic) === "thread") this.checkEvent(topic, states[seq - 1] as State, decoded as Event)
      events.push(decoded)
      // The events of one command are one change.
      if (entries[i + 1]?.cause === cause) continue
      for (const fault of kind.validate({ old: states[seq - events.length], new: states[seq], events })) {
        this.runtime.reportViolation("THR8", `${topic} at ${seq}: ${fault}`)
      }
      events = []
    }
  }

  private checkEvent(topic: TopicId, before: State, event: Event): void {
    if (event._tag === "VoteCast") this.checkVote(topic, before, event)
    if (event._tag === "SubmissionSettled") this.checkSettlement(topic, before, event)
  }

  private checkVote(topic: TopicId, { gates, submissions }: State, { message_id, voter }: EventOf<"VoteCast">): void {
    const voted = [...gates, ...submissions].find(({ id }) => id === message_id)
    if (voted === undefined || !voted.voters.includes(voter) || voted.votes.some((vote) => vote.voter === voter)) {
      this.runtime.reportViolation("THR3", `${topic}: the vote of ${voter} on ${message_id} is not valid`)
    }
  }

  private checkSettlement(
    topic: TopicId,
    { submissions }: State,
    { at, id, outcome }: EventOf<"SubmissionSettled">
  ): void {
    const submission = submissions.find((submission) => submission.id === id)
    if (submission === undefined) return this.runtime.reportViolation("THR4", `${topic}: ${id} is settled, not open`)
    const { expires_at, voters, votes } = submission
    const hasVoted = (user: string, choice?: string) =>
      votes.some((vote) => vote.voter === user && (choice === undefined || vote.choice === choice))
    const permitted = {
      approved: voters.every((voter) => hasVoted(voter, "approve")),
      rejected: voters.every((voter) => hasVoted(voter)) && votes.some(({ choice }) => choice === "deny"),
      expired: expires_at <= at,
      cancelled: true
    }
    if (!permitted[outcome]) {
      this.runtime.reportViolation("THR4", `${topic}: ${id} is ${outcome} after ${JSON.stringify({ voters, votes })}`)
    }
  }
}
