/** Who is writing at the moment (ROO3). */
import { type ReactNode, useEffect, useState } from "react"
import { useClient } from "../../react/ClientContext.ts"
import { useFormat, useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { useThreadView } from "../topic/ThreadTopic.ts"
import { threadPageMessages } from "./ThreadPageMessages.ts"
import style from "./TypingLine.module.css"

/** Milliseconds after which a typing signal expires, in case its removal was lost. */
const typingTimeout = 8_000

/** More are counted. */
const maxNames = 3

/** The line above the composer; empty while nobody else is writing. */
export const TypingLine = (): ReactNode => {
  const { me } = useClient()
  const format = useFormat()
  const messages = useMessages(threadPageMessages)
  const signals =
    useThreadView((view) =>
      view.signals.filter(({ from, key }) => key === "typing" && from !== me).map(({ at, from }) => ({ at, from }))
    ) ?? []
  const now = useExpiry(signals.map(({ at }) => at + typingTimeout))
  const names = [...new Set(signals.filter(({ at }) => now < at + typingTimeout).map(({ from }) => shortKey(from)))]
  return (
    <p className={style.typing} role="status">
      {names.length > 0 && (
        <>
          {names.length > maxNames
            ? messages.manyAreWriting(format.number(names.length))
            : messages.isWriting(format.list(names), names.length === 1)}
          <span className={style.dots} aria-hidden="true">…</span>
        </>
      )}
    </p>
  )
}

/** The present time, rendered again when the next of some times has passed. */
const useExpiry = (times: ReadonlyArray<number>): number => {
  const [now, setNow] = useState(() => Date.now())
  const present = Math.max(now, ...times.map((at) => at - typingTimeout))
  const next = Math.min(...times.filter((at) => at > present))
  useEffect(() => {
    if (!Number.isFinite(next)) return undefined
    const timer = setTimeout(() => setNow(Date.now()), Math.max(0, next - Date.now()) + 1)
    return () => clearTimeout(timer)
  }, [next])
  return present
}
