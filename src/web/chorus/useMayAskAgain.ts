/** Who may ask a question of the thread once more. */
import type { PlainRun } from "../../domain/chorus/ChorusModel.ts"
import { isCoAuthor } from "../../domain/thread/ThreadGuards.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { useClient } from "../../react/ClientContext.ts"
import { useThreadView } from "../topic/ThreadTopic.ts"

/** Whether this user may have a question answered once more (CHO8, CHO9). */
export const useMayAskAgain = ({ prompt }: PlainRun): boolean => {
  const { me } = useClient()
  const mayAsk = useThreadView(({ state }) => state.status === "active" && isCoAuthor(state, me))
  return mayAsk === true && prompt !== erasedMark
}
