/** Sends commands that survive a reload: each is saved until the server has answered it. */
import { type Client, commandId, commandSalt } from "../../client/Client.ts"
import { ClientError } from "../../client/ClientError.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import type { CommandInput } from "../../domain/thread/ThreadModel.ts"
import { formatError } from "../language/people.ts"
import * as savedText from "../storage/savedText.ts"
import { draftOfCommand } from "./composition.ts"

/** Rejected by the server, and not only closed before it answered. */
const isRejection = (error: unknown): boolean => !(error instanceof ClientError && error.reason.code === "closed")

/** Keeps the text of a rejected command. Several tabs may get the same rejection: the first keeps it for all. */
const keepRejected = (client: Client, pending: savedText.PendingCommand, error: unknown): void => {
  const draft = draftOfCommand(pending.command)
  if (!savedText.removePending(client.me, pending.id) || draft === undefined) return
  const { at, id, topic } = pending
  savedText.saveRejected(client.me, { id, topic, draft, reason: formatError(error), at })
}

/** Sends a saved command. The text of a rejected one is kept (`savedText.listRejected`). */
const sendPending = (client: Client, pending: savedText.PendingCommand): void =>
  void client.topic(threadKind, pending.topic).sendPromise(pending.command, pending.id, pending.salt).then(
    () => savedText.removePending(client.me, pending.id),
    (error: unknown) => isRejection(error) ? keepRejected(client, pending, error) : undefined
  )

/** Sends a command, and saves it until it is answered. */
export const send = (client: Client, topic: TopicId, command: CommandInput): void => {
  const pending = { id: commandId(), salt: commandSalt(), topic, command, at: Date.now() }
  savedText.savePending(client.me, pending)
  sendPending(client, pending)
}

/** Sends what an earlier page of this user has saved and never saw answered. */
export const retryPending = (client: Client): void => {
  for (const pending of savedText.listPending(client.me)) sendPending(client, pending)
}
