/** What goes to topics and comes back from them: commands, subscriptions, catch-ups (SYN2, SYN5, CON8). */
import { Effect, Exit, Result } from "effect"
import type { TopicId } from "../../domain/Ids.ts"
import type { Rejection } from "../../domain/Rejection.ts"
import * as SignedCommand from "../../domain/SignedCommand.ts"
import type { Sessions } from "../../services/Sessions.ts"
import type { Signals } from "../../services/Signals.ts"
import type { Folded } from "../../services/Socket.ts"
import type { CatchUp, Receipt, Submission, Subscriber, Topics } from "../../services/Topics.ts"
import * as Answers from "./Answers.ts"
import { type Floor, type Of, type Slot, tooSlow } from "./Floor.ts"
import type { Link } from "./Link.ts"
import * as Replies from "./Replies.ts"

export interface Options {
  readonly floor: Floor
  readonly topics: Topics["Service"]
  readonly signals: Signals["Service"]
  readonly sessions: Sessions["Service"]
}

const forged: Answers.Refused = {
  code: "auth_failed",
  rule: "AUT5",
  message: "the signature of this command does not hold"
}

export const make = ({ floor, sessions, signals, topics }: Options) => {
  const post = (link: Link, { command, ref, signed, topic }: Of<"Post">, slot: Slot) => {
    const { subscriber } = link
    if (subscriber === undefined) return
    if (slot !== undefined) slot.waiting += 1
    const heard = floor.seconds()
    const reply = (outcome: Result.Result<Receipt, Answers.Refused>) => {
      floor.metrics.receipt.observe(floor.seconds() - heard)
      if (Result.isSuccess(outcome)) floor.say(link, slot, Answers.receipt(ref, outcome.success), topic)
      else floor.say(link, slot, Answers.error(ref, outcome.failure), topic)
      floor.settled(link, topic, Result.isFailure(outcome) ? outcome.failure : undefined)
      floor.done(link, slot)
    }
    const { user } = subscriber
    const send = (more?: Pick<Submission, "signed">) =>
      // AUT7: whoever was put out while this waited for its turn does nothing any more.
      link.subscriber === subscriber
        ? topics.post(topic, { id: ref, author: user, input: command, reply, ...more })
        : reply(Result.fail(Answers.unavailable))
    if (signed === undefined) return link.toTopics.after(send)
    // AUT5: checked before anybody decides; what was heard later waits for it.
    const turn = link.toTopics.enter()
    const holds = sessions.holds(SignedCommand.text(ref, signed), user, signed.signature)
    floor.run(Effect.map(
      Effect.exit(holds),
      (exit) =>
        turn(() => {
          if (Exit.isFailure(exit)) return reply(Result.fail(Answers.internal))
          return exit.value ? send({ signed }) : reply(Result.fail(forged))
        })
    ))
  }

  /**
   * Catch-ups may be large, so a connection gets one at a time, and the next when there is room again: what waits for
   * a slow client is bounded by one of them (CON8).
   */
  const next = (link: Link): void => {
    if (link.catchingUp || link.connection.bufferedAmount() > floor.limits.outboxFold) return
    const begin = link.catchUps.shift()
    if (begin === undefined) return
    link.catchingUp = true
    begin(() => {
      link.catchingUp = false
      next(link)
    })
  }

  const enqueue = (link: Link, begin: (over: () => void) => void) => {
    link.catchUps.push(begin)
    next(link)
  }

  const subscribe = (link: Link, intent: Of<"Subscribe">, slot: Slot) => {
    const { subscriber } = link
    if (subscriber === undefined) return
    if (slot !== undefined) slot.waiting += 1
    const mark = link.wanted.get(intent.topic) ?? Symbol("wanted")
    link.wanted.set(intent.topic, mark)
    const begin = (over: () => void) =>
      topics.subscribe(intent.topic, subscriber, intent.position ?? undefined, (outcome) => {
        subscribed(link, subscriber, intent, slot, outcome, mark)
        floor.settled(link, intent.topic, Result.isFailure(outcome) ? outcome.failure : undefined)
        floor.done(link, slot)
        over()
      })
    link.toTopics.after(() => enqueue(link, begin))
  }

  const subscribed = (
    link: Link,
    subscriber: Subscriber,
    { ref, topic }: Of<"Subscribe">,
    slot: Slot,
    outcome: Result.Result<CatchUp, Rejection>,
    mark: symbol
  ) => {
    // It may have been given up while it was being made, and asked for again since: that has an answer of its own.
    const wanted = link.subscriber === subscriber && link.wanted.get(topic) === mark
    if (Result.isFailure(outcome)) {
      floor.say(link, slot, Answers.error(ref, outcome.failure), topic)
      return wanted ? floor.dispatch(link, { _tag: "Unsubscribed", topic }) : undefined
    }
    const shared = wanted ? signals.enter(topic, subscriber) : { presence: [], signals: [] }
    const { epoch, seq } = outcome.success.position
    link.subscriptions.set(topic, { ref, epoch, sent: seq, acked: seq })
    link.connection.unfold(topic)
    floor.say(link, slot, Answers.subscribed(ref, outcome.success, shared), topic)
    if (slot !== undefined) Replies.hold(link, slot, topic)
    replay(subscriber, topic)
    if (!wanted) leave(link, topic)
  }

  /** The running texts of a topic, whole as far as they have come (CHO5). */
  const replay = (subscriber: Subscriber, topic: TopicId) => {
    for (const piece of signals.running(topic)) {
      subscriber.deliver(floor.frame({ _tag: "chorus_response", ...piece }, topic, { _tag: "Stream", topic }))
    }
  }

  const unsubscribe = (link: Link, topic: TopicId) => {
    link.wanted.delete(topic)
    leave(link, topic)
  }

  const leave = (link: Link, topic: TopicId) => {
    link.subscriptions.delete(topic)
    topics.unsubscribe(topic, link.connection.id)
    signals.leave(topic, link.connection.id)
  }

  /** The topic has put this connection out: nobody there sees it any more, nor takes its signals. */
  const putOut = (link: Link, topic: TopicId) => {
    link.subscriptions.delete(topic)
    signals.leave(topic, link.connection.id)
    floor.dispatch(link, { _tag: "Unsubscribed", topic })
  }

  /** CON8: a client has room again; each topic that it missed something of comes as one catch-up. */
  const drained = (link: Link, folded: Folded) => {
    for (const [topic, first] of folded) {
      if (first.lane._tag === "Durable") {
        const subscription = link.subscriptions.get(topic)
        enqueue(link, (over) => {
          // Whoever has subscribed anew meanwhile has been told everything.
          if (link.subscriptions.get(topic) === subscription) catchUp(link, topic, Answers.from(first.text), over)
          else over()
        })
      } else if (link.subscriber !== undefined) {
        // Only running text was held back, no event.
        link.connection.unfold(topic)
        // Nothing more is said of a topic that the client has left, or was put out of.
        if (link.subscriptions.has(topic)) replay(link.subscriber, topic)
      }
    }
    next(link)
  }

  const catchUp = (link: Link, topic: TopicId, from: number | undefined, over: () => void) => {
    const { subscriber } = link
    const subscription = link.subscriptions.get(topic)
    if (subscriber === undefined || subscription === undefined) return over()
    const position = from === undefined ? undefined : { epoch: subscription.epoch, seq: from }
    topics.subscribe(topic, subscriber, position, (outcome) => {
      // It was given up, or made anew, while it was being caught up.
      if (link.subscriptions.get(topic) !== subscription) return over()
      link.connection.unfold(topic)
      if (Result.isFailure(outcome)) {
        // Nobody would tell it what it has missed: it comes back, and asks from where it stands.
        floor.dispatch(link, tooSlow)
      } else {
        const caught = outcome.success
        const message = caught.mode === "deltas" && from !== undefined
          ? Answers.missed(from, caught)
          : Answers.subscribed(subscription.ref, caught, signals.enter(topic, subscriber))
        if (message !== undefined) {
          subscriber.deliver(floor.frame(message, topic, { _tag: "Durable", topic, seq: caught.position.seq }))
        }
        replay(subscriber, topic)
      }
      over()
    })
  }

  return { post, subscribe, unsubscribe, putOut, drained }
}
