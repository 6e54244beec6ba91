/** Commands of a topic, with what became of them, as a hook. */
import { useCallback, useState } from "react"
import type { Topic } from "../client/Client.ts"
import { ClientError, type ClientErrorReason } from "../client/ClientError.ts"
import type { Receipt } from "../client/ClientModel.ts"
import type { TopicId } from "../domain/protocol/Ids.ts"

/** Sends commands of a topic. */
export interface CommandSender<C> {
  /** `Topic.send` as a promise of the receipt, or of undefined when the command is rejected. */
  readonly send: (command: C, id?: string, salt?: string) => Promise<Receipt | undefined>
  /** How many commands of this component have no answer. */
  readonly pending: number
  /** Why the last command of this component that failed did so; undefined once another is sent. */
  readonly rejection: ClientErrorReason | undefined
}

interface Attempts {
  /** The topic of each command without an answer. */
  readonly pending: ReadonlyArray<TopicId>
  readonly rejected: { readonly topic: TopicId; readonly reason: ClientErrorReason } | undefined
}

/** Sends commands of a topic from this component. A command goes on when the component is unmounted. */
export const useCommand = <S, C>(topic: Topic<S, C>): CommandSender<C> => {
  const [{ pending, rejected }, setAttempts] = useState<Attempts>({ pending: [], rejected: undefined })
  const send = useCallback((command: C, id?: string, salt?: string) => {
    const settle = (reason?: ClientErrorReason) =>
      setAttempts(({ pending, rejected }) => ({
        pending: pending.toSpliced(pending.indexOf(topic.id), 1),
        rejected: reason === undefined ? rejected : { topic: topic.id, reason }
      }))
    setAttempts(({ pending }) => ({ pending: [...pending, topic.id], rejected: undefined }))
    return topic.sendPromise(command, id, salt).then(
      (receipt) => {
        settle()
        return receipt
      },
      (error: unknown) => {
        settle(error instanceof ClientError ? error.reason : undefined)
        if (!(error instanceof ClientError)) throw error
        return undefined
      }
    )
  }, [topic])
  return {
    send,
    pending: pending.filter((id) => id === topic.id).length,
    rejection: rejected?.topic === topic.id ? rejected.reason : undefined
  }
}
