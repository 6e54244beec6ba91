/**
 * Checks that no text leaves its audience (CHO13, SEC10). Every text of the workload carries the thread that it was
 * written for; the marks are looked for in the logs of other threads and in every frame from the server.
 *
 * Text of one thread may enter the log of another by a search for priors, if every reader of the other one could read
 * it when the search began, or since. Who may read a log may read what it holds.
 */
import type { Prior } from "../../../domain/chorus/ChorusModel.ts"
import type { Author, TopicId } from "../../../domain/protocol/Ids.ts"
import type { DecodedEntry } from "../../../domain/topic/DurableState.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import { findMarks, type Marks } from "../oracle/TextMarks.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

/** The audiences of one run. */
export class AudienceChecker {
  private readonly runtime: SimulationRuntime
  private readonly oracle: DurableModel
  /** Everybody who could read a log, and one user who is in no thread. */
  private readonly users: ReadonlyArray<Author>
  /** By topic, the marks in its log. */
  private readonly loggedMarks = new Map<TopicId, Set<string>>()
  /** By topic and mark, the start of the last search for the topic that found the text. */
  private readonly foundAt = new Map<string, number>()

  constructor(runtime: SimulationRuntime, oracle: DurableModel, users: ReadonlyArray<Author>) {
    this.runtime = runtime
    this.oracle = oracle
    this.users = users
  }

  /** A search for `topic` that started at `startedAt` has found these texts. */
  readonly priorsFound = (topic: TopicId, priors: ReadonlyArray<Prior>, startedAt: number): void => {
    for (const { content } of priors) {
      for (const mark of findMarks(content).keys()) this.foundAt.set(`${topic} ${mark}`, startedAt)
    }
  }

  /** Checks an append that became durable; the oracle has applied it. */
  checkCommit(topic: TopicId, entries: ReadonlyArray<DecodedEntry>): void {
    const history = this.oracle.historyOf(topic)
    const logged = this.loggedMarks.get(topic) ?? new Set()
    this.loggedMarks.set(topic, logged)
    for (const { open, seq } of entries) {
      for (const [mark, source] of findMarks(JSON.stringify(open))) {
        if (logged.has(mark)) continue
        logged.add(mark)
        if (source === topic) continue
        const stranger = this.users.find((user) =>
          history?.kind.canRead(history.states[seq], user) === true && !this.couldRead(topic, mark, source, user)
        )
        if (stranger === undefined) continue
        this.runtime.reportViolation(
          "CHO13",
          `${topic} at ${seq} holds ${mark}, which its reader ${stranger} may not read`
        )
      }
    }
  }

  /** Checks a frame to `user` about `topic`, with the marks in it; both are undefined where there is none. */
  checkFrame(user: Author | undefined, topic: TopicId | undefined, marks: Marks): void {
    for (const [mark, source] of marks) {
      // Whether the user may read the topic itself is checked by the type of the frame (SEC7).
      if (topic !== undefined && (source === topic || this.loggedMarks.get(topic)?.has(mark) === true)) continue
      if (user !== undefined && this.couldRead(topic, mark, source, user)) continue
      this.runtime.reportViolation("CHO13", `${user} was sent ${mark} in ${topic ?? "a frame of no topic"}`)
    }
  }

  private couldRead(topic: TopicId | undefined, mark: string, source: TopicId, user: Author): boolean {
    return this.oracle.canRead(source, user, this.foundAt.get(`${topic} ${mark}`) ?? this.runtime.now)
  }
}
