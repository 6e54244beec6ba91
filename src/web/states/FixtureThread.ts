/** A thread that the rules of the domain have written, without a server: each input is decided, or the fixture is wrong. */
import { Result } from "effect"
import { sha256 } from "../../client/Sha256.ts"
import type { Step, StepOutput } from "../../domain/chorus/ChorusModel.ts"
import * as ChorusRun from "../../domain/chorus/ChorusRun.ts"
import * as LedgerModel from "../../domain/ledger/LedgerModel.ts"
import { type Author, CommandId, TopicId, type UserId } from "../../domain/protocol/Ids.ts"
import { type Principal, principalOf } from "../../domain/protocol/Principal.ts"
import type { ServerMessageOf, ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { saltSource } from "../../domain/protocol/Seal.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import type * as ThreadModel from "../../domain/thread/ThreadModel.ts"
import type { PastEvent } from "../../domain/topic/Erasure.ts"
import { codecsFor } from "../../domain/topic/KindCodecs.ts"
import { commitTexts, openingsOf, storeTexts, textsIn } from "../../domain/topic/SealedText.ts"
import { foldDecision } from "../../domain/topic/Topic.ts"
import { day, fixtureNow, minute } from "./fixtureTime.ts"

const codecs = codecsFor(threadKind)

/** A UUID for a number. */
export const fixtureUuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`

const usage = { provider: "example", model: "example-large", cost: null }

/** One thread and its time. */
export class FixtureThread {
  readonly id: TopicId
  /** The time of the next input. */
  at = fixtureNow() - day
  /** How much time each input takes. */
  pace = minute
  state: ThreadModel.State
  private inputs = 0
  private readonly past = new Map<number, PastEvent>()
  private readonly creator: UserId

  constructor(name: string, creator: UserId, title: string, visibility: ThreadModel.Visibility = "members") {
    this.id = TopicId.make(`thread:${name}`)
    this.creator = creator
    this.state = threadKind.initial(this.id)
    this.command(creator, { _tag: "create_thread", name: title, visibility })
  }

  /** Decides a command of a user, or of an agent; returns its id. */
  command(author: UserId, command: ThreadModel.CommandInput, principal?: Principal): CommandId {
    return this.decide(author, command, principal)
  }

  /** Adds co-authors: all who are there agree. */
  join(...users: ReadonlyArray<UserId>): void {
    for (const user of users) {
      const id = this.command(this.creator, { _tag: "invite_co_author", user })
      for (const voter of this.state.gates.find((gate) => gate.id === id)?.voters ?? []) this.vote(voter, id, "approve")
    }
  }

  /** Publishes a message. */
  say(author: UserId, content: string): CommandId {
    return this.command(author, { _tag: "submit_message", content })
  }

  /** Opens a submission, as the ledger offers it once the stake is reserved. */
  submit(author: UserId, content: string, stake = 1_000): CommandId {
    const id = this.nextId()
    const ledger = LedgerModel.authorOfLedger(LedgerModel.ledgerOf(this.id))
    const sealed = textsIn(this.seal({ _tag: "submit_message", content }, id))[0]!.text
    this.apply(ledger, { _tag: "SubmissionOffered", id, author, content: sealed, stake }, undefined, id)
    return id
  }

  /** Votes on a submission or an invitation. */
  vote(voter: UserId, message_id: CommandId, decision: ThreadModel.VoteChoice): void {
    this.command(voter, { _tag: "process_approval", message_id, decision })
  }

  /** Lets time pass, and ends what has expired. */
  expire(millis: number): void {
    this.at += millis
    this.apply("system:clock", { _tag: "TimerFired" }, undefined, this.nextId())
  }

  /** Asks the Chorus. */
  ask(author: UserId, prompt: string): CommandId {
    return this.command(author, { _tag: "submit_prompt", prompt })
  }

  /** Completes steps of the run that is under way. */
  complete(outputs: ReadonlyArray<StepOutput>): void {
    for (const output of outputs) {
      const run = this.activeRun()
      this.decide("system:chorus", {
        _tag: "StepAnswered",
        intent: ChorusRun.intentId(run),
        prompt_id: run.prompt_id,
        output,
        usage: { ...usage, input_tokens: 1_840, output_tokens: 214, latency_ms: 1_950 }
      })
    }
  }

  /** The present step fails, for good. */
  fail(message: string): void {
    const run = this.activeRun()
    this.decide("system:chorus", {
      _tag: "StepErrored",
      intent: ChorusRun.intentId(run),
      prompt_id: run.prompt_id,
      error: { _tag: "AIError", message, retryable: false }
    })
  }

  /** A user stops the run; what it has written of its step so far is kept. */
  interrupt(by: UserId, text: string): void {
    const run = this.activeRun()
    this.command(by, { _tag: "cancel_run", prompt_id: run.prompt_id })
    this.decide("system:chorus", {
      _tag: "StepInterrupted",
      intent: ChorusRun.intentId(run),
      prompt_id: run.prompt_id,
      text
    })
  }

  /** Erases the texts of the event `seq`, by default of the last one. */
  erase(by: UserId, seq = this.state.version): void {
    this.decide(by, { _tag: "erase", seq })
  }

  /** The present step of the run that is under way. */
  activeStep(): {
    readonly prompt_id: CommandId
    readonly loop: number
    readonly step: Step
    readonly attempt: number
  } {
    const { attempt, current_step: step, loop, prompt_id } = this.activeRun()
    return { prompt_id, loop, step, attempt }
  }

  /** How it stands in lists. */
  summary(): ThreadSummary {
    const { co_authors, id, status, title, updated_at, visibility } = this.state
    if (status === "absent") throw new Error(`${id} was not created`)
    return { thread_id: id, title: title.text, visibility, status, co_authors, updated_at }
  }

  /** Its state, as a server sends it. */
  snapshot(): ServerMessageOf<"subscribed">["snapshot"] & object {
    return { state: Result.getOrThrow(codecs.encodeState(this.state)), open: openingsOf(this.state) }
  }

  private activeRun() {
    const run = this.state.runs.find(({ status }) => status === "running")
    if (run === undefined) throw new Error(`no run is under way in ${this.id}`)
    return run
  }

  private nextId(): CommandId {
    return CommandId.make(fixtureUuid(++this.inputs))
  }

  private seal(input: unknown, id: CommandId): ThreadModel.Command {
    const decoded = Result.getOrThrow(codecs.decodeInput(input)) as ThreadModel.Command
    return commitTexts(decoded, () => saltSource("A".repeat(22), this.id + id), sha256)
  }

  private decide(author: Author, input: unknown, principal?: Principal): CommandId {
    const id = this.nextId()
    this.apply(author, this.seal(input, id), principal, id)
    return id
  }

  private apply(
    author: Author,
    input: ThreadModel.Command | ThreadModel.Answer | { readonly _tag: "TimerFired" },
    principal: Principal = principalOf(author),
    id: CommandId
  ): void {
    const context = { id, author, principal, now: this.at, seed: 0, past: this.past }
    const decision = Result.getOrThrow(threadKind.decide(this.state, input as ThreadModel.Command, context))
    if (decision._tag === "Forward") throw new Error(`${this.id} decides only what is its own`)
    const seq = this.state.version + 1
    const events = storeTexts(decision.events, seq)
    this.state = Result.getOrThrow(foldDecision(threadKind, this.state, events))
    for (const [index, event] of events.entries()) this.past.set(seq + index, { principal, event })
    this.at += this.pace
  }
}
