/** Handlers of the intents that begin and end subscriptions (SYN2, SYN12). Topics hold them; this sends the replies. */
import { Result } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { CatchUp, Subscriber } from "../../services/Topics.ts"
import * as ReplyOrder from "../delivery/ReplyOrder.ts"
import { enqueueRead, replayRunningText } from "./CatchUpQueue.ts"
import type { ClientConnection } from "./ClientConnection.ts"
import {
  completeReply,
  completeRequest,
  type ConnectionIntentHandler,
  type ConnectionRuntime,
  dispatch,
  type IntentOf,
  type ReplyTarget,
  sendMessage
} from "./ConnectionRuntime.ts"
import * as ServerMessages from "./ServerMessages.ts"
import { runInOrder } from "./TopicCommands.ts"

/** Subscribes to a topic, in the order of the connection's requests and one catch-up at a time. */
export const subscribe: ConnectionIntentHandler<"Subscribe"> = (runtime, client, intent, slot) => {
  const { subscriber } = client
  if (subscriber === undefined) return
  if (slot !== undefined) slot.pendingCount += 1
  const requestToken = client.requestedTopics.get(intent.topic) ?? Symbol("subscription request")
  client.requestedTopics.set(intent.topic, requestToken)
  const complete = (
    outcome: Result.Result<CatchUp, ServerMessages.RequestRejection>,
    charge: (reply: OutboundFrame) => void
  ) => {
    completeSubscription(runtime, client, subscriber, intent, slot, outcome, requestToken, charge)
    completeRequest(runtime, client, intent.topic, Result.isFailure(outcome) ? outcome.failure : undefined)
    completeReply(client, slot)
  }
  runInOrder(client, () =>
    enqueueRead(runtime, client, subscriber.payer, slot, {
      start: (charge, onComplete) =>
        runtime.topics.subscribe(intent.topic, subscriber, intent.position ?? undefined, (outcome) => {
          complete(outcome, charge)
          onComplete()
        }),
      reject: (rejection) => complete(Result.fail(rejection), () => {})
    }))
}

const completeSubscription = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  subscriber: Subscriber,
  { ref, topic }: IntentOf<"Subscribe">,
  slot: ReplyTarget,
  outcome: Result.Result<CatchUp, ServerMessages.RequestRejection>,
  requestToken: symbol,
  charge: (reply: OutboundFrame) => void
): void => {
  // The request may have been cancelled meanwhile, and even made again: the new one gets a reply of its own.
  const isCurrent = client.subscriber === subscriber && client.requestedTopics.get(topic) === requestToken
  if (Result.isFailure(outcome)) {
    sendMessage(runtime, client, slot, ServerMessages.error(ref, outcome.failure), topic)
    return isCurrent ? dispatch(runtime, client, { _tag: "Unsubscribed", topic }) : undefined
  }
  const sharedState = isCurrent ? runtime.signals.join(topic, subscriber) : { presence: [], signals: [] }
  const { epoch, seq } = outcome.success.position
  client.subscriptions.set(topic, { ref, epoch, sent: seq, acked: seq })
  client.connection.uncoalesce(topic)
  charge(sendMessage(runtime, client, slot, ServerMessages.subscribed(ref, outcome.success, sharedState), topic))
  if (slot !== undefined) ReplyOrder.holdBack(client, slot, topic)
  replayRunningText(runtime, subscriber, topic)
  if (!isCurrent) removeSubscription(runtime, client, topic)
}

/** Ends a subscription, and cancels a request for one. */
export const unsubscribe: ConnectionIntentHandler<"Unsubscribe"> = (runtime, client, { topic }) => {
  client.requestedTopics.delete(topic)
  removeSubscription(runtime, client, topic)
}

const removeSubscription = (runtime: ConnectionRuntime, client: ClientConnection, topic: TopicId): void => {
  client.subscriptions.delete(topic)
  runtime.topics.unsubscribe(topic, client.connection.id)
  runtime.signals.leave(topic, client.connection.id)
}

/** The topic ended the subscription: the connection leaves the topic's presence, and its signals there are removed. */
export const handleAccessRevoked = (runtime: ConnectionRuntime, client: ClientConnection, topic: TopicId): void => {
  client.subscriptions.delete(topic)
  runtime.signals.leave(topic, client.connection.id)
  dispatch(runtime, client, { _tag: "Unsubscribed", topic })
}
