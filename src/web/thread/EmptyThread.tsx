/** What stands in place of the rows of a thread that has none. */
import type { ReactNode } from "react"
import { useMessages } from "../language/Language.ts"
import { useThreadView } from "../topic/ThreadTopic.ts"
import style from "./EmptyThread.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"

/** The note; it invites to write where one can. */
export const EmptyThread = (): ReactNode => {
  const messages = useMessages(threadPageMessages)
  const isActive = useThreadView(({ state }) => state.status === "active") ?? false
  return (
    <div className={style.empty}>
      <p className={style.title}>{messages.emptyTitle}</p>
      {isActive && <p>{messages.emptyText}</p>}
    </div>
  )
}
