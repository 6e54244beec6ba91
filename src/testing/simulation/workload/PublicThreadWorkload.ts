/** The workload on a public thread: submissions, votes, prompts, cancellations and imports. */
import { TopicId } from "../../../domain/protocol/Ids.ts"
import type * as ThreadModel from "../../../domain/thread/ThreadModel.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"

/** The topic. */
export const publicThread = TopicId.make("thread:plaza")

/** The next command of a user; `state` is their last replica of the thread. */
export const nextThreadCommand = (
  random: SeededRandom,
  state: ThreadModel.State,
  makeText: () => string
): ThreadModel.CommandInput => {
  const pending = state.submissions.filter(({ status }) => status === "pending")
  const activeRuns = state.runs.filter((run) => run.ended_at === null)
  const messageId = pending.length === 0 ? undefined : random.pick(pending).id
  const promptId = activeRuns.length === 0 ? undefined : random.pick(activeRuns).prompt_id
  const roll = random.int(0, 99)
  if (messageId !== undefined && roll < 40) {
    return { _tag: "process_approval", message_id: messageId, decision: random.chance(0.8) ? "approve" : "deny" }
  }
  if (messageId !== undefined && roll < 45) return { _tag: "cancel_submission", message_id: messageId }
  if (promptId !== undefined && roll < 50) return { _tag: "cancel_run", prompt_id: promptId }
  if (roll < 62) return { _tag: "submit_prompt", prompt: makeText() }
  if (roll < 66) {
    const messages = [{ content: makeText(), source: "a" }, { content: makeText(), source: "b" }]
    return { _tag: "import_messages", messages }
  }
  return { _tag: "submit_message", content: makeText() }
}
