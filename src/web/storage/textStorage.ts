/**
 * Texts in the browser's `localStorage`, where they outlive a reload, a closed tab and a crash of the browser; a browser that
 * stores nothing keeps them until the page is closed.
 */
import type { UserId } from "../../domain/protocol/Ids.ts"

/** What the browser's storage did not take, because it is blocked or full. */
const memory = new Map<string, string>()

/** Uses the browser's storage; undefined if it is blocked or full. */
const withStorage = <A>(use: (storage: Storage) => A): A | undefined => {
  try {
    return use(localStorage)
  } catch {
    return undefined
  }
}

/** A stored text. */
export const readItem = (key: string): string | null =>
  memory.get(key) ?? withStorage((storage) => storage.getItem(key)) ?? null

/** Stores a text. */
export const writeItem = (key: string, text: string): void => {
  const isStored = withStorage((storage) => {
    storage.setItem(key, text)
    return true
  })
  if (isStored === true) memory.delete(key)
  else memory.set(key, text)
}

/** Forgets a text. */
export const removeItem = (key: string): void => {
  memory.delete(key)
  withStorage((storage) => storage.removeItem(key))
}

/** The keys of what is stored under a prefix. */
export const itemKeys = (prefix: string): ReadonlyArray<string> => {
  const stored = withStorage((storage) =>
    Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "")
  )
  return [...new Set([...memory.keys(), ...stored ?? []])].filter((key) => key.startsWith(prefix))
}

/** The keys of a user's drafts, by thread. */
export const draftPrefix = (me: UserId) => `choir:draft:${me}:`
/** The keys of a user's commands without a receipt, by id. */
export const pendingPrefix = (me: UserId) => `choir:pending:${me}:`
/** The keys of a user's texts that were not accepted, by id. */
export const rejectedPrefix = (me: UserId) => `choir:rejected:${me}:`

/** Calls back when another tab has changed what is stored under a prefix. Returns the unsubscribe. */
export const onItemChange = (prefix: string, listener: () => void): () => void => {
  const onEvent = ({ key }: StorageEvent) => {
    if (key === null || key.startsWith(prefix)) listener()
  }
  addEventListener("storage", onEvent)
  return () => removeEventListener("storage", onEvent)
}

/** Whether a command outlives the page. */
export const isSaved = (me: UserId, id: string): boolean =>
  withStorage((storage) => storage.getItem(pendingPrefix(me) + id) !== null) ?? false
