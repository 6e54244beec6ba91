/** What goes to topics and comes back from them: commands, subscriptions, catch-ups (SYN2, SYN5, CON8). */
import { Effect, Exit, Result } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { Rejection } from "../../domain/protocol/Rejection.ts"
import * as SignedCommand from "../../domain/protocol/SignedCommand.ts"
import type { Sessions } from "../../services/Sessions.ts"
import type { Signals } from "../../services/Signals.ts"
import type { CoalescedTopics } from "../../services/Socket.ts"
import type { CatchUp, CommandRequest, Receipt, Subscriber, Topics } from "../../services/Topics.ts"
import * as ReplyOrder from "../delivery/ReplyOrder.ts"
import type { ClientConnection } from "./ClientConnection.ts"
import { type ConnectionRuntime, type IntentOf, type ReplyTarget, slowConsumerClose } from "./ConnectionRuntime.ts"
import * as ServerMessages from "./ServerMessages.ts"

export interface TopicRequestDependencies {
  readonly runtime: ConnectionRuntime
  readonly topics: Topics["Service"]
  readonly signals: Signals["Service"]
  readonly sessions: Sessions["Service"]
}

const invalidSignature: ServerMessages.RequestRejection = {
  code: "auth_failed",
  rule: "AUT5",
  message: "the signature of this command does not hold"
}

export const make = ({ runtime, sessions, signals, topics }: TopicRequestDependencies) => {
  const submitCommand = (
    client: ClientConnection,
    { command, ref, signed, topic }: IntentOf<"SubmitCommand">,
    slot: ReplyTarget
  ) => {
    const { subscriber } = client
    if (subscriber === undefined) return
    if (slot !== undefined) slot.pendingCount += 1
    const receivedAt = runtime.monotonicSeconds()
    const reply = (outcome: Result.Result<Receipt, ServerMessages.RequestRejection>) => {
      runtime.metrics.receiptSeconds.observe(runtime.monotonicSeconds() - receivedAt)
      if (Result.isSuccess(outcome)) {
        runtime.sendMessage(client, slot, ServerMessages.receipt(ref, outcome.success), topic)
      } else runtime.sendMessage(client, slot, ServerMessages.error(ref, outcome.failure), topic)
      runtime.completeRequest(client, topic, Result.isFailure(outcome) ? outcome.failure : undefined)
      runtime.completeReply(client, slot)
    }
    const { user } = subscriber
    const submit = (extra?: Pick<CommandRequest, "signed">) =>
      // AUT7: whoever was put out while this waited for its turn does nothing any more.
      client.subscriber === subscriber
        ? topics.post(topic, { id: ref, author: user, input: command, reply, ...extra })
        : reply(Result.fail(ServerMessages.unavailableError))
    if (signed === undefined) return client.topicSequencer.enqueue(submit)
    // AUT5: checked before anybody decides; what was heard later waits for it.
    const runInTurn = client.topicSequencer.reserve()
    const verification = sessions.verifyText(SignedCommand.signingInput(ref, signed), user, signed.signature)
    runtime.runFork(Effect.map(
      Effect.exit(verification),
      (exit) =>
        runInTurn(() => {
          if (Exit.isFailure(exit)) return reply(Result.fail(ServerMessages.internalError))
          return exit.value ? submit({ signed }) : reply(Result.fail(invalidSignature))
        })
    ))
  }

  /**
   * Catch-ups may be large, so a connection gets one at a time, and the next when there is room again: what waits for
   * a slow client is bounded by one of them (CON8).
   */
  const startNextCatchUp = (client: ClientConnection): void => {
    if (client.catchingUp || client.connection.bufferedAmount() > runtime.limits.outboxFold) return
    const start = client.catchUpQueue.shift()
    if (start === undefined) return
    client.catchingUp = true
    start(() => {
      client.catchingUp = false
      startNextCatchUp(client)
    })
  }

  const enqueueCatchUp = (client: ClientConnection, start: (onComplete: () => void) => void) => {
    client.catchUpQueue.push(start)
    startNextCatchUp(client)
  }

  const subscribe = (client: ClientConnection, intent: IntentOf<"Subscribe">, slot: ReplyTarget) => {
    const { subscriber } = client
    if (subscriber === undefined) return
    if (slot !== undefined) slot.pendingCount += 1
    const requestToken = client.requestedTopics.get(intent.topic) ?? Symbol("subscription request")
    client.requestedTopics.set(intent.topic, requestToken)
    const start = (onComplete: () => void) =>
      topics.subscribe(intent.topic, subscriber, intent.position ?? undefined, (outcome) => {
        completeSubscription(client, subscriber, intent, slot, outcome, requestToken)
        runtime.completeRequest(client, intent.topic, Result.isFailure(outcome) ? outcome.failure : undefined)
        runtime.completeReply(client, slot)
        onComplete()
      })
    client.topicSequencer.enqueue(() => enqueueCatchUp(client, start))
  }

  const completeSubscription = (
    client: ClientConnection,
    subscriber: Subscriber,
    { ref, topic }: IntentOf<"Subscribe">,
    slot: ReplyTarget,
    outcome: Result.Result<CatchUp, Rejection>,
    requestToken: symbol
  ) => {
    // It may have been given up while it was being made, and asked for again since: that has an answer of its own.
    const isCurrent = client.subscriber === subscriber && client.requestedTopics.get(topic) === requestToken
    if (Result.isFailure(outcome)) {
      runtime.sendMessage(client, slot, ServerMessages.error(ref, outcome.failure), topic)
      return isCurrent ? runtime.dispatch(client, { _tag: "Unsubscribed", topic }) : undefined
    }
    const sharedState = isCurrent ? signals.join(topic, subscriber) : { presence: [], signals: [] }
    const { epoch, seq } = outcome.success.position
    client.subscriptions.set(topic, { ref, epoch, sent: seq, acked: seq })
    client.connection.uncoalesce(topic)
    runtime.sendMessage(client, slot, ServerMessages.subscribed(ref, outcome.success, sharedState), topic)
    if (slot !== undefined) ReplyOrder.holdBack(client, slot, topic)
    replayRunningText(subscriber, topic)
    if (!isCurrent) removeSubscription(client, topic)
  }

  /** The running texts of a topic, whole as far as they have come (CHO5). */
  const replayRunningText = (subscriber: Subscriber, topic: TopicId) => {
    for (const piece of signals.runningStreams(topic)) {
      subscriber.deliver(runtime.makeFrame({ _tag: "chorus_response", ...piece }, topic, { _tag: "Stream", topic }))
    }
  }

  const unsubscribe = (client: ClientConnection, topic: TopicId) => {
    client.requestedTopics.delete(topic)
    removeSubscription(client, topic)
  }

  const removeSubscription = (client: ClientConnection, topic: TopicId) => {
    client.subscriptions.delete(topic)
    topics.unsubscribe(topic, client.connection.id)
    signals.leave(topic, client.connection.id)
  }

  /** The topic has put this connection out: nobody there sees it any more, nor takes its signals. */
  const handleAccessRevoked = (client: ClientConnection, topic: TopicId) => {
    client.subscriptions.delete(topic)
    signals.leave(topic, client.connection.id)
    runtime.dispatch(client, { _tag: "Unsubscribed", topic })
  }

  /** CON8: a client has room again; each topic that it missed something of comes as one catch-up. */
  const handleDrained = (client: ClientConnection, coalesced: CoalescedTopics) => {
    for (const [topic, firstMissed] of coalesced) {
      if (firstMissed.lane._tag === "Durable") {
        const subscription = client.subscriptions.get(topic)
        enqueueCatchUp(client, (onComplete) => {
          // Whoever has subscribed anew meanwhile has been told everything.
          if (client.subscriptions.get(topic) === subscription) {
            catchUp(client, topic, ServerMessages.lastSeqOf(firstMissed.text), onComplete)
          } else onComplete()
        })
      } else if (client.subscriber !== undefined) {
        // Only running text was held back, no event.
        client.connection.uncoalesce(topic)
        // Nothing more is said of a topic that the client has left, or was put out of.
        if (client.subscriptions.has(topic)) replayRunningText(client.subscriber, topic)
      }
    }
    startNextCatchUp(client)
  }

  const catchUp = (client: ClientConnection, topic: TopicId, from: number | undefined, onComplete: () => void) => {
    const { subscriber } = client
    const subscription = client.subscriptions.get(topic)
    if (subscriber === undefined || subscription === undefined) return onComplete()
    const position = from === undefined ? undefined : { epoch: subscription.epoch, seq: from }
    topics.subscribe(topic, subscriber, position, (outcome) => {
      // It was given up, or made anew, while it was being caught up.
      if (client.subscriptions.get(topic) !== subscription) return onComplete()
      client.connection.uncoalesce(topic)
      if (Result.isFailure(outcome)) {
        // Nobody would tell it what it has missed: it comes back, and asks from where it stands.
        runtime.dispatch(client, slowConsumerClose)
      } else {
        const result = outcome.success
        const message = result.mode === "deltas" && from !== undefined
          ? ServerMessages.catchUpDelta(from, result)
          : ServerMessages.subscribed(subscription.ref, result, signals.join(topic, subscriber))
        if (message !== undefined) {
          subscriber.deliver(runtime.makeFrame(message, topic, { _tag: "Durable", topic, seq: result.position.seq }))
        }
        replayRunningText(subscriber, topic)
      }
      onComplete()
    })
  }

  return { submitCommand, subscribe, unsubscribe, handleAccessRevoked, handleDrained }
}
