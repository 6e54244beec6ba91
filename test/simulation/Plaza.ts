/** The thread that everybody sees, and what comes to people's minds about it. */
import { TopicId } from "../../src/domain/Ids.ts"
import type * as ThreadModel from "../../src/domain/kinds/ThreadModel.ts"
import type { Dice } from "./Dice.ts"

export const plaza = TopicId.make("thread:plaza")

/** A command for the thread, `state` being what they last saw of it. */
export const idea = (dice: Dice, state: ThreadModel.State, text: () => string): ThreadModel.Command => {
  const open = state.submissions.filter(({ status }) => status === "pending")
  const running = state.runs.filter((run) => run.ended_at === null)
  const message = open.length === 0 ? undefined : dice.pick(open).id
  const prompt = running.length === 0 ? undefined : dice.pick(running).prompt_id
  const roll = dice.int(0, 99)
  if (message !== undefined && roll < 40) {
    return { _tag: "process_approval", message_id: message, decision: dice.chance(0.8) ? "approve" : "deny" }
  }
  if (message !== undefined && roll < 45) return { _tag: "cancel_submission", message_id: message }
  if (prompt !== undefined && roll < 50) return { _tag: "cancel_run", prompt_id: prompt }
  if (roll < 62) return { _tag: "submit_prompt", prompt: text() }
  if (roll < 66) {
    const messages = [{ content: text(), source: "a" }, { content: text(), source: "b" }]
    return { _tag: "import_messages", messages }
  }
  return { _tag: "submit_message", content: text() }
}
