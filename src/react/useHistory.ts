/** What happened in a topic since a component was mounted, as a hook. */
import { useEffect, useState } from "react"
import type { Topic, View } from "../client/Client.ts"
import type { ReceivedEvent } from "../client/ClientModel.ts"
import * as Replica from "../client/Replica.ts"
import type { TopicId } from "../domain/protocol/Ids.ts"
import { listenToViews } from "./useTopic.ts"

interface History {
  readonly topic: TopicId | undefined
  /** The epoch of the log that the events are from. */
  readonly epoch: string | undefined
  /** Events with consecutive seqs. */
  readonly events: ReadonlyArray<ReceivedEvent>
}

const emptyHistory: History = { topic: undefined, epoch: undefined, events: [] }

/** The history with the next events of the view, or with them alone when they do not follow. */
const append = (
  history: History,
  { position, topic }: View,
  batch: ReadonlyArray<ReceivedEvent>,
  limit: number
): History => {
  const epoch = position?.epoch
  const isNext = history.topic === topic && history.epoch === epoch &&
    history.events.at(-1)?.seq === batch[0]!.seq - 1
  const events = Replica.eraseReceived([...isNext ? history.events : [], ...batch], batch)
  return { topic, epoch, events: events.slice(Math.max(0, events.length - limit)) }
}

/** The history, unless the view has moved without events: a snapshot does not tell what it has erased. */
const keepWhileReached = (history: History, { position, topic }: View): History =>
  history.topic !== topic ||
    history.epoch === position?.epoch && history.events.at(-1)?.seq === position?.seq
    ? history
    : emptyHistory

const noEvents: ReadonlyArray<ReceivedEvent> = []

/**
 * The newest `limit` durable events of a topic, in order and without a gap, each with its `seq` in the log. It reads what
 * arrives: events from before it was mounted are not in it, and it starts anew after a snapshot, which contains no events.
 * Texts that are erased are erased here too (TOP10).
 */
export const useHistory = <S, C>(
  topic: Topic<S, C>,
  { limit }: { readonly limit: number }
): ReadonlyArray<ReceivedEvent> => {
  const [history, setHistory] = useState(emptyHistory)
  useEffect(() => {
    const unsubscribe = topic.onEvents((batch) => {
      const view = topic.view()
      if (view !== undefined) setHistory((history) => append(history, view, batch, limit))
    })
    const unlisten = listenToViews(topic, (view) => setHistory((history) => keepWhileReached(history, view)))
    return () => {
      unlisten()
      unsubscribe()
    }
  }, [topic, limit])
  return history.topic === topic.id ? history.events : noEvents
}
