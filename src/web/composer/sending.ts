/** Sends commands that survive a reload: each is saved until the server has answered it. */
import { useEffect, useState } from "react"
import { type Client, commandId, commandSalt } from "../../client/Client.ts"
import { ClientError } from "../../client/ClientError.ts"
import type { TopicId, UserId } from "../../domain/protocol/Ids.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import type { CommandInput } from "../../domain/thread/ThreadModel.ts"
import * as savedText from "../storage/savedText.ts"

/** The draft that a command was made from; undefined for commands without a text. */
const draftOf = (command: CommandInput): savedText.Draft | undefined => {
  if (command._tag === "submit_prompt") return { text: command.prompt, isAsking: true }
  return command._tag === "submit_message" ? { text: command.content, isAsking: false } : undefined
}

/** Rejected by the server, and not only closed before it answered. */
const isRejection = (error: unknown): boolean => !(error instanceof ClientError && error.reason.code === "closed")

/** Sends a saved command. What is rejected becomes a draft again, unless there is a newer one. */
const sendPending = (client: Client, { command, id, salt, topic }: savedText.PendingCommand): Promise<void> =>
  client.topic(threadKind, topic).sendPromise(command, id, salt).then(
    () => savedText.removePending(client.me, id),
    (error: unknown) => {
      if (isRejection(error)) {
        const draft = draftOf(command)
        if (draft !== undefined && savedText.readDraft(client.me, topic).text === "") {
          savedText.saveDraft(client.me, topic, draft)
        }
        savedText.removePending(client.me, id)
      }
      throw error
    }
  )

/** Sends a command, and saves it until it is answered. Rejects with the server's rejection. */
export const send = (client: Client, topic: TopicId, command: CommandInput): Promise<void> => {
  const pending = { id: commandId(), salt: commandSalt(), topic, command, at: Date.now() }
  savedText.savePending(client.me, pending)
  return sendPending(client, pending)
}

/** Sends what an earlier page of this user has saved and never saw answered. */
export const retryPending = (client: Client): void => {
  for (const pending of savedText.listPending(client.me)) sendPending(client, pending).catch(() => {})
}

interface DraftState extends savedText.Draft {
  readonly change: (part: Partial<savedText.Draft>) => void
  /** Shows the saved draft again, for example after a rejection. */
  readonly reload: () => void
}

/** The draft of a user in a thread. */
export const useDraft = (me: UserId, topic: TopicId): DraftState => {
  const [draft, setDraft] = useState(() => savedText.readDraft(me, topic))
  return {
    ...draft,
    change: (part) => {
      const next = { ...draft, ...part }
      setDraft(next)
      savedText.saveDraft(me, topic, next)
    },
    reload: () => setDraft(savedText.readDraft(me, topic))
  }
}

/** Asks for confirmation before the page is closed while there are pending commands that exist only in this page. */
export const useUnloadWarning = (enabled: boolean): void =>
  useEffect(() => {
    if (!enabled) return undefined
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener("beforeunload", warn)
    return () => removeEventListener("beforeunload", warn)
  }, [enabled])
