/**
 * The draft of the open thread. It is saved a moment after a change, and at once when the page or the field is left. What is
 * written here stays here, whatever another tab does; a field that nobody has edited follows the other tab.
 */
import { useState, useSyncExternalStore } from "react"
import type { TopicId, UserId } from "../../domain/protocol/Ids.ts"
import { type Draft, onDraftSaved, readDraft, saveDraft } from "../storage/savedText.ts"

/** Milliseconds from a change until it is saved. */
const saveDelay = 300

/** A draft and what can be done with it. */
export interface DraftStore {
  /** The draft as it is now, also before the next render. */
  readonly read: () => Draft
  readonly change: (part: Partial<Draft>) => void
  /** Saves what was not saved yet. */
  readonly save: () => void
  readonly subscribe: (listener: () => void) => () => void
}

/** The draft of a user in a thread, kept in step with the browser's storage while it has listeners. */
export const makeDraftStore = (me: UserId, topic: TopicId): DraftStore => {
  let draft = readDraft(me, topic)
  let isEdited = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const listeners = new Set<() => void>()
  const set = (next: Draft) => {
    draft = next
    for (const listener of listeners) listener()
  }
  const save = () => {
    if (timer === undefined) return
    clearTimeout(timer)
    timer = undefined
    saveDraft(me, topic, draft)
  }
  const saveIfHidden = () => {
    if (document.visibilityState === "hidden") save()
  }
  const change = (part: Partial<Draft>) => {
    set({ ...draft, ...part })
    isEdited = draft.text !== ""
    timer ??= setTimeout(save, saveDelay)
  }
  const subscribe = (listener: () => void) => {
    listeners.add(listener)
    addEventListener("pagehide", save)
    document.addEventListener("visibilitychange", saveIfHidden)
    const unsubscribe = onDraftSaved(me, topic, () => isEdited ? undefined : set(readDraft(me, topic)))
    return () => {
      save()
      listeners.delete(listener)
      removeEventListener("pagehide", save)
      document.removeEventListener("visibilitychange", saveIfHidden)
      unsubscribe()
    }
  }
  return { read: () => draft, change, save, subscribe }
}

/** The draft of a user in a thread. Both stay the same while the component is mounted. */
export const useDraft = (me: UserId, topic: TopicId): readonly [Draft, DraftStore] => {
  const [store] = useState(() => makeDraftStore(me, topic))
  return [useSyncExternalStore(store.subscribe, store.read), store]
}
