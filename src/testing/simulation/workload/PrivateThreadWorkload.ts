/**
 * The workload on a thread that only its co-authors may read: invitations, approvals, divestments and messages, so that
 * read access changes all the time (SEC7).
 */
import { TopicId, type UserId } from "../../../domain/protocol/Ids.ts"
import type * as ThreadModel from "../../../domain/thread/ThreadModel.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import * as TestKeys from "../runtime/TestKeys.ts"

/** The topic. */
export const privateThread = TopicId.make("thread:attic")

const userNames = ["ann", "ben", "cat", "dan", "eve"]

/**
 * Commands that a user sends at once; `state` is their last replica of the thread. A user without access keeps sending,
 * and the server must reject it.
 */
export const nextCommands = (
  random: SeededRandom,
  user: UserId,
  state: ThreadModel.State | undefined,
  makeText: () => string
): ReadonlyArray<ThreadModel.Command> => {
  const postMessage = { _tag: "submit_message", content: makeText() } as const
  const coAuthors = state?.co_authors ?? []
  if (!coAuthors.includes(user)) return [random.pick([postMessage, { _tag: "submit_prompt", prompt: makeText() }])]
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
  if (roll < 60) return [{ _tag: "invite_co_author", user: TestKeys.userIdOf(random.pick(userNames)) }]
  return [roll < 70 ? { _tag: "submit_prompt", prompt: makeText() } : postMessage]
}
