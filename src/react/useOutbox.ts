/** The user's own commands on their way, as a hook. */
import { useCallback } from "react"
import type { PendingCommand, State } from "../client/ClientModel.ts"
import type { TopicId } from "../domain/protocol/Ids.ts"
import { useClientState } from "./useClientState.ts"

/** A command that the server has not answered: `queued`, also while offline, or `sent`; submitted `at`. */
export type OutboxCommand = Pick<PendingCommand, "id" | "topic" | "command" | "stage" | "at">

/** The commands that the server has not answered, of one topic or of all, in the order of submission. */
export const useOutbox = (topic?: { readonly id: TopicId }): ReadonlyArray<OutboxCommand> => {
  const of = topic?.id
  const select = useCallback(
    ({ outbox }: State): ReadonlyArray<OutboxCommand> =>
      outbox.flatMap(({ at, command, id, stage, topic }) =>
        stage === "accepted" || of !== undefined && topic !== of ? [] : [{ id, topic, command, stage, at }]
      ),
    [of]
  )
  return useClientState(select)
}
