/** Drafts: unsent text by user and thread, in `sessionStorage`. */
import { useCallback, useEffect, useState } from "react"
import type { TopicId, UserId } from "../domain/protocol/Ids.ts"

/** Uses the tab's storage. A browser that blocks it keeps no drafts. */
const withSessionStorage = <A>(use: (storage: Storage) => A): A | undefined => {
  try {
    return use(sessionStorage)
  } catch {
    return undefined
  }
}

/** Deletes all drafts of this tab. */
export const clearDrafts = (): void => withSessionStorage((storage) => storage.clear())

interface Draft {
  readonly text: string
  readonly setText: (text: string) => void
  /** Restores a text that could not be sent, unless there is a newer draft; also after the thread was left. */
  readonly restoreText: (text: string) => void
}

/** The draft of a user in a thread. */
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

/** Asks for confirmation before the page is closed while there are unsent commands, which exist only in this page. */
export const useUnloadWarning = (enabled: boolean): void =>
  useEffect(() => {
    if (!enabled) return undefined
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener("beforeunload", warn)
    return () => removeEventListener("beforeunload", warn)
  }, [enabled])
