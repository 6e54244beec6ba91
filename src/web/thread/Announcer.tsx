/** Reads out what is new in the thread, once: rows that others have added, and answers that are complete. */
import { type ReactNode, useEffect, useRef, useState } from "react"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { useClient } from "../../react/ClientContext.ts"
import { VisuallyHidden } from "../design/VisuallyHidden.tsx"
import { useMessages } from "../language/Language.ts"
import { shortKey, summarize } from "../language/people.ts"
import { threadPageMessages } from "./ThreadPageMessages.ts"
import { answerOf, authorOf, textOf, type TimelineItem } from "./TimelineItems.ts"

/** The live region of a timeline. It is empty until something arrives. */
export const Announcer = ({ items }: { readonly items: ReadonlyArray<TimelineItem> }): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(threadPageMessages)
  const known = useRef<ReadonlyMap<string, boolean>>(undefined)
  const [announcement, setAnnouncement] = useState("")
  useEffect(() => {
    const before = known.current
    known.current = new Map(items.map((item) => [item.id, answerOf(item) !== undefined]))
    if (before === undefined) return
    const sentences = items.flatMap((item) => {
      const answer = answerOf(item)
      if (answer !== undefined && before.get(item.id) !== true) return [messages.chorusAnswered(summarize(answer))]
      const text = textOf(item)
      return before.has(item.id) || authorOf(item) === me || text === undefined || text === erasedMark
        ? []
        : [messages.somebodyWrote(shortKey(authorOf(item)), summarize(text))]
    })
    if (sentences.length > 0) setAnnouncement(sentences.join(" "))
  }, [items, me, messages])
  return (
    <div role="status">
      <VisuallyHidden>{announcement}</VisuallyHidden>
    </div>
  )
}
