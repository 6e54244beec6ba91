/**
 * The Chorus in a thread: who may ask, whose turn it is, what a run is shown,
 * and whom its answer pays (CHO2, CHO7-CHO10). One run at a time.
 */
import type { Answer, ChorusState, Event as RunEvent, Line } from "../chorus/Chorus.ts"
import { textOf } from "../chorus/ChorusOutput.ts"
import * as ChorusRun from "../chorus/ChorusRun.ts"
import { type CommandId, derivedId, type Instant, type UserId } from "../Ids.ts"
import { notFound, reject } from "../Rejection.ts"
import { type Context, refuse, type Tell } from "../Topic.ts"
import * as Ledger from "./LedgerModel.ts"
import type { CommandOf, Event, State } from "./ThreadModel.ts"
import {
  accepted,
  type By,
  canRead,
  closedTo,
  idTaken,
  isCoAuthor,
  isKnown,
  type Outcome,
  policy,
  refused,
  unfit
} from "./ThreadRules.ts"

// -- Decisions ---------------------------------------------------------------

/** A prompt starts at once, or waits behind the run that is under way, unless it asks for something else (CHO9). */
export const submitPrompt = (state: State, command: CommandOf<"submit_prompt">, { id, now, user }: By): Outcome => {
  const { if_busy = "enqueue", prompt, sibling_of } = command
  const fault = closedTo(state, user) ?? unfit(prompt)
  if (fault !== undefined) return refuse(fault)
  if (!isCoAuthor(state, user)) {
    return refused("forbidden", "CHO9", "only co-authors can ask the Chorus here; submit a message to become one")
  }
  if (isKnown(state, id)) return refuse(idTaken)
  const sibling = state.runs.find((run) => run.prompt_id === sibling_of)
  if (sibling_of !== undefined && sibling === undefined) return refuse(noPrompt)
  const before = unfinished(state)
  if (before.length > 0 && if_busy === "reject") {
    return refused("rule_violated", "CHO9", "the Chorus is answering another prompt; ask again when it is done")
  }
  if (before.length > policy.queue) {
    return refused(
      "rule_violated",
      "CHO9",
      `${policy.queue} prompts are waiting already; try again after the next answer`
    )
  }
  const root = sibling === undefined ? undefined : { sibling_of: sibling.sibling_of ?? sibling.prompt_id }
  const submitted: Event = { _tag: "PromptSubmitted", id, author: user, content: prompt, ...root, at: now }
  const stopped = if_busy === "interrupt" ? stopRunning(state, user, now) : []
  return before.length === 0 || before.length === 1 && stopped.length > 0
    ? accepted(...stopped, submitted, { _tag: "RunStarted", prompt_id: id, at: now })
    : accepted(...stopped, submitted)
}

const noPrompt = reject("not_found", "CHO8", "there is no such prompt in this thread")

/** The run under way is cancelled, and the next of those that wait, if any, begins. */
const stopRunning = (state: State, by: UserId, at: Instant): ReadonlyArray<Event> => {
  const [running] = unfinished(state)
  return running === undefined
    ? []
    : thenNext(state, { _tag: "RunCancelled", prompt_id: running.prompt_id, by, at })
}

/** CHO8: by the asker or any co-author, while it waits or while it runs. */
export const cancelRun = (state: State, command: CommandOf<"cancel_run">, { now, user }: By): Outcome => {
  if (!canRead(state, user)) return refuse(notFound)
  const run = state.runs.find((run) => run.prompt_id === command.prompt_id)
  if (run === undefined) return refuse(noPrompt)
  if (run.asker !== user && !isCoAuthor(state, user)) {
    return refused("forbidden", "CHO8", "only whoever asked and the co-authors can cancel a run")
  }
  if (ChorusRun.isOver(run)) return refused("rule_violated", "CHO8", `the run is over: it has ${run.status}`)
  return accepted(...thenNext(state, { _tag: "RunCancelled", prompt_id: run.prompt_id, by: user, at: now }))
}

/** What a step brought; an answer that nobody waits for changes nothing. */
export const answered = (state: State, answer: Answer, context: Context): Outcome => {
  const run = state.runs.find((run) => run.prompt_id === answer.prompt_id)
  const events = run === undefined ? [] : ChorusRun.decide(run, answer, context)
  return accepted(...events.flatMap((event) => thenNext(state, event)))
}

/** A closing thread ends its runs. */
export const cancelAll = (state: State, by: UserId, at: Instant): ReadonlyArray<Event> =>
  unfinished(state).map((run) => ({ _tag: "RunCancelled", prompt_id: run.prompt_id, by, at }))

/** The event, and the start of the next run when it ends the one under way. */
const thenNext = (
  state: State,
  event: ChorusRun.Happened
): ReadonlyArray<Event> => {
  const [running, next] = unfinished(state)
  return running !== undefined && next !== undefined && ChorusRun.isOver(ChorusRun.evolve(running, event))
    ? [event, { _tag: "RunStarted", prompt_id: next.prompt_id, at: event.at }]
    : [event]
}

/**
 * The run under way, then those that wait, oldest first. Runs start in the order of their prompts, so everything
 * before one that ended by itself is over too: the search ends there.
 */
const unfinished = (state: State): ReadonlyArray<ChorusState> => {
  const found: Array<ChorusState> = []
  for (let i = state.runs.length - 1; i >= 0; i--) {
    const run = state.runs[i]
    if (run === undefined || run.status === "yielded" || run.status === "failed") break
    if (run.status !== "cancelled") found.push(run)
  }
  return found.toReversed()
}

/** What the Chorus is asked to do now. */
export const pending = (state: State) => unfinished(state).slice(0, 1).flatMap(ChorusRun.pending)

// -- Evolution ---------------------------------------------------------------

/** A run's event moves that run and nothing else but what its citations pay (CHO10). */
export const evolve = (state: State, event: RunEvent): State => {
  if (event._tag === "PromptSubmitted") {
    const { at, author: asker, content: prompt, id: prompt_id, sibling_of } = event
    const more = sibling_of === undefined ? undefined : { sibling_of }
    const run = ChorusRun.start({ prompt_id, thread_id: state.id, asker, prompt, at, ...more })
    return { ...state, runs: [...state.runs, run] }
  }
  const moved = (run: ChorusState): ChorusState =>
    ChorusRun.evolve(event._tag === "RunStarted" ? { ...run, messages: lines(state, run) } : run, event)
  return {
    ...state,
    runs: state.runs.map((run) => run.prompt_id === event.prompt_id ? moved(run) : run),
    owed: event._tag === "StepCompleted" ? [...state.owed, ...rewards(state, event.prompt_id, event)] : state.owed
  }
}

/** Whether one answers what the other does, once more. */
const areSiblings = ({ sibling_of }: ChorusState, other: ChorusState): boolean =>
  sibling_of !== undefined && (other.sibling_of ?? other.prompt_id) === sibling_of

/** CHO2: the newest lines of the conversation, oldest first: messages, earlier prompts and their answers. */
const lines = (state: State, run: ChorusState): ReadonlyArray<Line> => {
  const said = state.messages.slice(-ChorusRun.policy.lines).map(({ at, author, content }) => ({ at, author, content }))
  const earlier = state.runs.filter((other) => other.status === "yielded" && !areSiblings(run, other))
  const asked = earlier.slice(-ChorusRun.policy.lines).flatMap((run) => [
    { at: run.asked_at, author: run.asker, content: run.prompt },
    { at: run.ended_at ?? run.asked_at, author: "system:chorus" as const, content: finalText(run) }
  ])
  return [...said, ...asked].sort((a, b) => a.at - b.at).slice(-ChorusRun.policy.lines)
    .map(({ author, content }) => ({ author, content }))
}

const finalText = (run: ChorusState): string => {
  const last = run.steps.at(-1)
  return last === undefined ? "" : textOf(last.output)
}

/** CHO10: the treasury pays each cited author once per run. */
const rewards = (
  state: State,
  prompt: CommandId,
  { output }: Extract<RunEvent, { readonly _tag: "StepCompleted" }>
): ReadonlyArray<Tell> => {
  const run = state.runs.find((run) => run.prompt_id === prompt)
  if (run === undefined || output._tag !== "yield") return []
  return ChorusRun.citedAuthors(run, output).map((author, n) => ({
    _tag: "Tell",
    id: derivedId(prompt, `:cite:${n + 1}`),
    topic: Ledger.mainLedger,
    input: {
      _tag: "Transfer",
      from: "treasury",
      to: Ledger.userAccount(author),
      amount: ChorusRun.policy.citationReward,
      reason: `cited in the answer to ${prompt}`
    }
  }))
}
