/** What comes to people's minds about a thread that only its co-authors see: they bring others in, and leave. */
import { TopicId, type UserId } from "../../../domain/protocol/Ids.ts"
import type * as ThreadModel from "../../../domain/thread/ThreadModel.ts"
import type { SeededRandom } from "../cluster/SeededRandom.ts"
import * as TestKeys from "../cluster/TestKeys.ts"

export const privateThread = TopicId.make("thread:attic")

const userNames = ["ann", "ben", "cat", "dan", "eve"]

/**
 * Commands that one person sends together, `state` being what they last saw of the thread. Somebody who is out goes on
 * as if they were not: the server must not let them.
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
