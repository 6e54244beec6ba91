/** What was begun and not sent, kept per person and thread for as long as the tab lives. */
import { useCallback, useEffect, useState } from "react"
import type { TopicId, UserId } from "../domain/protocol/Ids.ts"

/** Reaches the tab's storage; a browser that forbids it keeps no drafts, and that is all. */
const withSessionStorage = <A>(use: (storage: Storage) => A): A | undefined => {
  try {
    return use(sessionStorage)
  } catch {
    return undefined
  }
}

/** Forgets all drafts of this tab. */
export const clearDrafts = (): void => withSessionStorage((storage) => storage.clear())

interface Draft {
  readonly text: string
  readonly setText: (text: string) => void
  /** Puts a text back that was taken out, unless something new stands there; works after the thread was left as well. */
  readonly restoreText: (text: string) => void
}

/** The draft of a person in a thread. */
export const useDraft = (me: UserId, topic: TopicId): Draft => {
  const key = `draft:${me}:${topic}`
  const read = () => withSessionStorage((storage) => storage.getItem(key)) ?? ""
  const [text, setDraft] = useState(read)
  const setText = useCallback((text: string) => {
    setDraft(text)
    withSessionStorage((storage) => text === "" ? storage.removeItem(key) : storage.setItem(key, text))
  }, [key])
  const restoreText = useCallback((text: string) => {
    setDraft((current) => current === "" ? text : current)
    withSessionStorage((storage) => storage.getItem(key) ?? storage.setItem(key, text))
  }, [key])
  return { text, setText, restoreText }
}

/** Asks before the page is left while `busy`: what waits to be sent is only here. */
export const useUnloadWarning = (enabled: boolean): void =>
  useEffect(() => {
    if (!enabled) return undefined
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener("beforeunload", warn)
    return () => removeEventListener("beforeunload", warn)
  }, [enabled])
