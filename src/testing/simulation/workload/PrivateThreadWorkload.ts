/**
 * The workload on threads that only their co-authors may read: invitations, approvals, divestments, prompts and
 * messages, so that read access changes all the time (SEC7). There are two, because text of one can be a prior in the
 * other (CHO13).
 */
import { TopicId, type UserId } from "../../../domain/protocol/Ids.ts"
import type * as ThreadModel from "../../../domain/thread/ThreadModel.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import * as TestKeys from "../runtime/TestKeys.ts"

/** The topics. */
export const privateThreads = [TopicId.make("thread:attic"), TopicId.make("thread:cellar")] as const

/** The name of the user who creates both, and reads both at first. */
export const creator = "ben"

const userNames = ["ann", "ben", "cat", "dan", "eve"]

/** Whether a run of the thread is searching for priors. */
export const isSearching = (state: ThreadModel.State | undefined): boolean =>
  state?.runs.some(({ current_step, status }) => status === "running" && current_step === "experience") === true

/** What a user wrote in one thread and a search brought into a private one. */
export const priorsOf = (oracle: DurableModel, user: UserId) =>
  privateThreads.flatMap((topic) =>
    oracle.historyOf(topic)?.entries.flatMap(({ decoded }) => {
      const event = decoded as ThreadModel.Event
      if (event._tag !== "StepCompleted" || event.output._tag !== "experience") return []
      return event.output.priors.filter(({ author, thread }) => author === user && thread !== topic)
    }) ?? []
  )

/**
 * Commands that a user sends at once; `state` is their last replica of the thread. A user without access keeps sending,
 * and the server must reject it.
 */
export const nextCommands = (
  random: SeededRandom,
  user: UserId,
  state: ThreadModel.State | undefined,
  makeText: () => string
): ReadonlyArray<ThreadModel.CommandInput> => {
  const postMessage = { _tag: "submit_message", content: makeText() } as const
  const coAuthors = state?.co_authors ?? []
  // A prompt names a thread, so that the search finds texts of it, also from another one.
  const about = random.pick(privateThreads)
  const prompt = { _tag: "submit_prompt", prompt: `${makeText()} ${about} ${about} ${about}` } as const
  if (!coAuthors.includes(user)) return [random.pick([postMessage, prompt])]
  const openApproval = state?.gates.find(({ votes, voters }) =>
    voters.includes(user) && !votes.some(({ voter }) => voter === user)
  )
  if (openApproval !== undefined) {
    return [{ _tag: "process_approval", message_id: openApproval.id, decision: "approve" }]
  }
  const roll = random.int(0, 99)
  if (coAuthors.length > 1 && roll < 20) {
    return random.chance(0.5)
      ? [{ _tag: "divest" }, postMessage]
      : [{ _tag: "divest" }]
  }
  if (roll < 40 || isSearching(state)) {
    return [{ _tag: "invite_co_author", user: TestKeys.userIdOf(random.pick(userNames)) }]
  }
  return [roll < 75 ? prompt : postMessage]
}
