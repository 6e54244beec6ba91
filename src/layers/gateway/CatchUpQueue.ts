/**
 * What one connection reads, one thing at a time: subscriptions, queries and catch-ups. Each may be large, so that what is
 * queued for a slow client is bounded by one of them (CON8), and is charged to its user (CON7).
 */
import { Result } from "effect"
import type { TopicId, UserId } from "../../domain/protocol/Ids.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { CoalescedTopics } from "../../services/Socket.ts"
import type { Subscriber } from "../../services/Topics.ts"
import * as SendQueue from "../delivery/SendQueue.ts"
import type { ClientConnection, QueuedRead } from "./ClientConnection.ts"
import {
  type ConnectionRuntime,
  dispatch,
  makeFrame,
  now,
  type ReplyTarget,
  slowConsumerClose
} from "./ConnectionRuntime.ts"
import { readLimitRejection } from "./ReadBudget.ts"
import * as ServerMessages from "./ServerMessages.ts"

/** Starts a read when the earlier ones are complete and the send queue has room. */
export const enqueueCatchUp = (runtime: ConnectionRuntime, client: ClientConnection, read: QueuedRead): void => {
  client.catchUpQueue.push(read)
  startNextCatchUp(runtime, client)
}

/**
 * Starts a read that the user asked for, or rejects it when the user has read too much. `charge` is to be called with
 * the frame of the reply.
 */
export const enqueueRead = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  user: UserId,
  slot: ReplyTarget,
  read: {
    readonly start: (charge: (frame: OutboundFrame) => void, onComplete: () => void) => void
    readonly reject: (rejection: ServerMessages.RequestRejection) => void
  }
): void =>
  enqueueCatchUp(runtime, client, {
    slot,
    start: (onComplete) => {
      const wait = runtime.readBudget.wait(user, now(runtime))
      if (wait === 0) {
        const charge = (frame: OutboundFrame) =>
          runtime.readBudget.charge(user, SendQueue.frameLength(frame), now(runtime))
        return read.start(charge, onComplete)
      }
      read.reject(readLimitRejection(wait))
      onComplete()
    }
  })

/** Starts the next read, unless one runs, the send queue is full, or replies of many bytes wait for their turn. */
export const startNextCatchUp = (runtime: ConnectionRuntime, client: ClientConnection): void => {
  const { outboxFold } = runtime.limits
  const [next] = client.catchUpQueue
  if (next === undefined || client.catchingUp || client.connection.bufferedAmount() > outboxFold) return
  if (client.heldReplyBytes > outboxFold && !holdsReplies(client)) return
  client.catchUpQueue.shift()
  client.catchingUp = true
  next.start(() => {
    client.catchingUp = false
    startNextCatchUp(runtime, client)
  })
}

/** Whether the replies are held behind that of a queued read: they would wait for it for ever. */
const holdsReplies = ({ catchUpQueue, firstReplySlot }: ClientConnection): boolean =>
  firstReplySlot !== undefined && catchUpQueue.some(({ slot }) => slot === firstReplySlot)

/** CON8: the send queue has room again, so each topic with coalesced frames is brought up to date. */
export const handleDrained = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  coalesced: CoalescedTopics
): void => {
  for (const [topic, { lane }] of coalesced) {
    if (lane._tag === "Durable") {
      const subscription = client.subscriptions.get(topic)
      enqueueCatchUp(runtime, client, {
        slot: undefined,
        start: (onComplete) => {
          // A newer subscription has sent everything already.
          if (client.subscriptions.get(topic) === subscription) {
            catchUp(runtime, client, topic, lane.from, onComplete)
          } else onComplete()
        }
      })
    } else if (client.subscriber !== undefined) {
      // Only running text was dropped, no event.
      client.connection.uncoalesce(topic)
      // The client may have left the topic, or lost access to it, meanwhile.
      if (client.subscriptions.has(topic)) replayRunningText(runtime, client.subscriber, topic)
    }
  }
  startNextCatchUp(runtime, client)
}

const catchUp = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  topic: TopicId,
  from: number | undefined,
  onComplete: () => void
): void => {
  const { subscriber } = client
  const subscription = client.subscriptions.get(topic)
  if (subscriber === undefined || subscription === undefined) return onComplete()
  const position = from === undefined ? undefined : { epoch: subscription.epoch, seq: from }
  runtime.topics.subscribe(topic, subscriber, position, (outcome) => {
    // The subscription may have ended, or been replaced, meanwhile.
    if (client.subscriptions.get(topic) !== subscription) return onComplete()
    client.connection.uncoalesce(topic)
    if (Result.isFailure(outcome)) {
      // Nothing else would send the missed events: the client must reconnect and catch up from its position.
      dispatch(runtime, client, slowConsumerClose)
    } else {
      const result = outcome.success
      const { seq } = result.position
      if (result.mode === "snapshot" || from === undefined) {
        const message = ServerMessages.subscribed(subscription.ref, result, runtime.signals.join(topic, subscriber))
        subscriber.deliver(makeFrame(runtime, message, topic, { _tag: "Durable", topic, seq }))
      } else if (seq > from) {
        const message = ServerMessages.catchUpDelta(from, result)
        subscriber.deliver(makeFrame(runtime, message, topic, { _tag: "Durable", topic, seq, from }))
      }
      replayRunningText(runtime, subscriber, topic)
    }
    onComplete()
  })
}

/** Delivers the topic's running texts, each from its beginning (CHO5). */
export const replayRunningText = (runtime: ConnectionRuntime, subscriber: Subscriber, topic: TopicId): void => {
  for (const chunk of runtime.signals.runningStreams(topic)) {
    subscriber.deliver(makeFrame(runtime, { _tag: "chorus_response", ...chunk }, topic, { _tag: "Stream", topic }))
  }
}
