/** What the composer does: changes the draft, sends it, and takes rejected texts back into the field. */
import { useCallback, useEffect, useState } from "react"
import { commandId } from "../../client/Client.ts"
import { useClient } from "../../react/ClientContext.ts"
import { useClientState } from "../../react/useClientState.ts"
import {
  type Draft,
  emptyDraft,
  listRejected,
  onRejectedChange,
  type RejectedText,
  removeRejected,
  saveRejected
} from "../storage/savedText.ts"
import { useThreadTopic } from "../topic/ThreadTopic.ts"
import { type Composition, compositionCommand, type CompositionProblem, compositionProblem } from "./composition.ts"
import { send as sendCommand } from "./sending.ts"
import { useTyping } from "./typing.ts"
import { type DraftStore, useDraft } from "./useDraft.ts"

/** What is wrong with the text in the field: it cannot be sent, or it was sent and rejected. */
export type FieldError = CompositionProblem | { readonly _tag: "Rejected"; readonly reason: string }

/** The composer's content, and what can be done with it. */
export interface ComposerState {
  readonly composition: Composition
  readonly error: FieldError | undefined
  readonly change: (part: Partial<Draft>) => void
  /** Changes the text as its author writes it, which others see. */
  readonly write: (text: string) => void
  /** Sends the draft, unless it is blank or has a problem. */
  readonly send: () => void
  /** Saves what was not saved yet. */
  readonly save: () => void
  /** Moves a rejected text into the field, and sets aside in exchange what is in it. */
  readonly edit: (rejected: RejectedText) => void
}

/** The composer of the open thread. `onSent` is called when a text was sent, before it is answered. */
export const useComposer = (isCoAuthor: boolean, onSent: () => void): ComposerState => {
  const client = useClient()
  const topic = useThreadTopic()
  const balance = useClientState((state) => state.init?.user.balance)
  const [draft, store] = useDraft(client.me, topic.id)
  const [error, setError] = useState<FieldError>()
  const [keepTyping, stopTyping] = useTyping(topic)
  const edit = useRejections(store, setError)
  const change = (part: Partial<Draft>) => {
    store.change(part)
    setError(undefined)
  }
  const write = (text: string) => {
    change({ text })
    keepTyping()
  }
  const send = () => {
    // The draft as it is now: a second Enter may come before the field is rendered empty.
    const composition = { ...store.read(), isCoAuthor, balance }
    if (composition.text.trim() === "") return
    const problem = compositionProblem(composition)
    if (problem !== undefined) return setError(problem)
    sendCommand(client, topic.id, compositionCommand(composition))
    change({ text: "", stake: emptyDraft.stake })
    store.save()
    stopTyping()
    onSent()
  }
  return { composition: { ...draft, isCoAuthor, balance }, error, change, write, send, save: store.save, edit }
}

/** Moves rejected texts into the field: by the returned function, and by itself one that arrives while the field is empty. */
const useRejections = (
  store: DraftStore,
  setError: (error: FieldError | undefined) => void
): ComposerState["edit"] => {
  const { me } = useClient()
  const { id } = useThreadTopic()
  const edit = useCallback((rejected: RejectedText) => {
    const draft = store.read()
    if (draft.text.trim() !== "") {
      saveRejected(me, { id: commandId(), topic: id, draft, reason: null, at: Date.now() })
    }
    store.change(rejected.draft)
    store.save()
    removeRejected(me, rejected.id)
    setError(rejected.reason === null ? undefined : { _tag: "Rejected", reason: rejected.reason })
  }, [me, id, store, setError])
  useEffect(() => {
    let known = listRejected(me, id)
    return onRejectedChange(me, () => {
      const present = listRejected(me, id)
      const fresh = present.find((entry) => entry.reason !== null && known.every((other) => other.id !== entry.id))
      known = present
      if (fresh !== undefined && store.read().text.trim() === "") edit(fresh)
    })
  }, [me, id, store, edit])
  return edit
}
