/** The signal that a user is typing (ROO3). */
import { useEffect, useRef } from "react"
import type { ThreadTopic } from "../topic/ThreadTopic.ts"

/** Milliseconds between two signals while typing, and from the last key to the signal that typing has stopped. */
const typingInterval = 3_000

/** Functions that signal typing: one to call on each key, one to call when the text is sent. */
export const useTyping = (topic: ThreadTopic): readonly [keepTyping: () => void, stopTyping: () => void] => {
  const lastSignalledAt = useRef(0)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const stopTyping = () => {
    clearTimeout(timer.current)
    if (lastSignalledAt.current !== 0) topic.signal("typing", null)
    lastSignalledAt.current = 0
  }
  const keepTyping = () => {
    const now = Date.now()
    if (now - lastSignalledAt.current >= typingInterval) {
      topic.signal("typing", true)
      lastSignalledAt.current = now
    }
    clearTimeout(timer.current)
    timer.current = setTimeout(stopTyping, typingInterval)
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  return [keepTyping, stopTyping]
}
