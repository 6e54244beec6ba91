/** A topic and its views as hooks. */
import { useCallback, useMemo } from "react"
import { plainTopic, type Topic, type View } from "../client/Client.ts"
import type { Unsubscribe } from "../client/ClientListeners.ts"
import type { TopicId } from "../domain/protocol/Ids.ts"
import type { Plain } from "../domain/topic/SealedText.ts"
import type { Intent, Kind } from "../domain/topic/Topic.ts"
import { useClient } from "./ClientContext.ts"
import { useSelector } from "./useSelector.ts"

/** A topic of the client, with strings in place of its texts; the same one as long as kind and id are the same. */
export const useTopic = <S, C, A, E, I extends Intent, W extends { readonly _tag: string }>(
  kind: Kind<S, C, A, E, I, W>,
  id: TopicId
): Topic<Plain<S>, W> => {
  const client = useClient()
  return useMemo(() => plainTopic(client.topic(kind, id)), [client, kind, id])
}

/**
 * Listens to a topic's views. The listener is removed only after the effects of the same commit: when a component that
 * listens takes another's place, also its own in strict mode, the subscription and its replica stay.
 */
export const listenToViews = <S, C>(topic: Topic<S, C>, listener: (view: View<S>) => void): Unsubscribe => {
  const unsubscribe = topic.onView(listener)
  return () => queueMicrotask(unsubscribe)
}

/**
 * What `select` makes of a topic's view, which is undefined until there is one. The topic is subscribed to while a
 * component that uses this hook is mounted; components share one subscription.
 */
export const useView = <S, C, A>(topic: Topic<S, C>, select: (view: View<S> | undefined) => A): A => {
  const subscribe = useCallback((onChange: () => void) => listenToViews(topic, onChange), [topic])
  return useSelector(subscribe, topic.view, select)
}
