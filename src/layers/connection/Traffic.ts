/** What goes to topics and comes back from them: commands, subscriptions, catch-ups (SYN2, SYN5, CON8). */
import { Result } from "effect"
import type { TopicId } from "../../domain/Ids.ts"
import type { Signals } from "../../services/Signals.ts"
import type { Folded } from "../../services/Socket.ts"
import type { Topics } from "../../services/Topics.ts"
import * as Answers from "./Answers.ts"
import type { Floor, Of, Slot } from "./Floor.ts"
import { type Link, state } from "./Link.ts"
import * as Replies from "./Replies.ts"

export interface Options {
  readonly floor: Floor
  readonly topics: Topics["Service"]
  readonly signals: Signals["Service"]
}

export const make = ({ floor, signals, topics }: Options) => {
  const post = (link: Link, { command, ref, topic }: Of<"Post">, slot: Slot) => {
    if (link.subscriber === undefined) return
    if (slot !== undefined) slot.waiting += 1
    topics.post(topic, {
      id: ref,
      author: link.subscriber.user,
      input: command,
      reply: (outcome) => {
        if (Result.isSuccess(outcome)) floor.say(link, slot, Answers.receipt(ref, outcome.success), topic)
        else floor.say(link, slot, Answers.error(ref, outcome.failure), topic)
        floor.settled(link, topic, Result.isFailure(outcome) ? outcome.failure : undefined)
        floor.done(link, slot)
      }
    })
  }

  const subscribe = (link: Link, intent: Of<"Subscribe">, slot: Slot) => {
    const { position, ref, topic } = intent
    const { subscriber } = link
    if (subscriber === undefined) return
    if (slot !== undefined) slot.waiting += 1
    topics.subscribe(topic, subscriber, position ?? undefined, (outcome) => {
      const wanted = link.subscriber === subscriber && state(link).subscriptions.includes(topic)
      if (Result.isFailure(outcome)) {
        floor.say(link, slot, Answers.error(ref, outcome.failure), topic)
        floor.dispatch(link, { _tag: "Unsubscribed", topic })
      } else {
        const shared = wanted ? signals.enter(topic, subscriber) : { presence: [], signals: [] }
        link.subscriptions.set(topic, { ref, epoch: outcome.success.position.epoch })
        link.connection.unfold(topic)
        floor.say(link, slot, Answers.subscribed(ref, outcome.success, shared), topic)
        if (slot !== undefined) Replies.hold(link.replies, slot, topic)
        for (const piece of signals.running(topic)) {
          subscriber.deliver(floor.frame({ _tag: "chorus_response", ...piece }, topic, { _tag: "Stream", topic }))
        }
        // It was given up while it was being made.
        if (!wanted) unsubscribe(link, topic)
      }
      floor.settled(link, topic, Result.isFailure(outcome) ? outcome.failure : undefined)
      floor.done(link, slot)
    })
  }

  const unsubscribe = (link: Link, topic: TopicId) => {
    link.subscriptions.delete(topic)
    topics.unsubscribe(topic, link.connection.id)
    signals.leave(topic, link.connection.id)
  }

  /** CON8: a slow client has room again; each topic it missed something of comes as one catch-up. */
  const catchUp = (link: Link, folded: Folded) => {
    for (const [topic, first] of folded) {
      const { subscriber } = link
      const subscription = link.subscriptions.get(topic)
      if (subscriber === undefined || subscription === undefined) continue
      const from = first.lane._tag === "Durable" ? Answers.from(first.text) : undefined
      const position = from === undefined ? undefined : { epoch: subscription.epoch, seq: from }
      topics.subscribe(topic, subscriber, position, (outcome) => {
        link.connection.unfold(topic)
        if (Result.isFailure(outcome)) return floor.dispatch(link, { _tag: "Unsubscribed", topic })
        const caught = outcome.success
        const message = caught.mode === "deltas" && from !== undefined
          ? Answers.missed(from, caught)
          : Answers.subscribed(subscription.ref, caught, signals.enter(topic, subscriber))
        if (message !== undefined) {
          subscriber.deliver(floor.frame(message, topic, { _tag: "Durable", topic, seq: caught.position.seq }))
        }
        for (const piece of signals.running(topic)) {
          subscriber.deliver(floor.frame({ _tag: "chorus_response", ...piece }, topic, { _tag: "Stream", topic }))
        }
      })
    }
  }

  return { post, subscribe, unsubscribe, catchUp }
}
