/** What comes to people's minds about a thread that only its co-authors see: they bring others in, and leave. */
import { TopicId, type UserId } from "../../src/domain/Ids.ts"
import type * as ThreadModel from "../../src/domain/kinds/ThreadModel.ts"
import type { Dice } from "./Dice.ts"
import * as Key from "./Key.ts"

export const attic = TopicId.make("thread:attic")

const names = ["ann", "ben", "cat", "dan", "eve"]

/**
 * Commands that one person sends together, `state` being what they last saw of the thread. Somebody who is out goes on
 * as if they were not: the server must not let them.
 */
export const ideas = (
  dice: Dice,
  me: UserId,
  state: ThreadModel.State | undefined,
  text: () => string
): ReadonlyArray<ThreadModel.Command> => {
  const say = { _tag: "submit_message", content: text() } as const
  const inside = state?.co_authors ?? []
  if (!inside.includes(me)) return [dice.pick([say, { _tag: "submit_prompt", prompt: text() }])]
  const gate = state?.gates.find(({ votes, voters }) => voters.includes(me) && !votes.some(({ voter }) => voter === me))
  if (gate !== undefined) return [{ _tag: "process_approval", message_id: gate.id, decision: "approve" }]
  const roll = dice.int(0, 99)
  if (inside.length > 1 && roll < 20) return dice.chance(0.5) ? [{ _tag: "divest" }, say] : [{ _tag: "divest" }]
  if (roll < 60) return [{ _tag: "invite_co_author", user: Key.userOf(dice.pick(names)) }]
  return [roll < 70 ? { _tag: "submit_prompt", prompt: text() } : say]
}
