/** A counter: a small kind for tests of hosts that uses every feature of a kind, and can fail in every function. */
import { Schema } from "effect"
import { Author, CommandId, Instant, TopicId } from "../../src/domain/protocol/Ids.ts"
import { makeRejection } from "../../src/domain/protocol/Rejection.ts"
import { accept, define, forward, reject, SendCommand } from "../../src/domain/topic/Topic.ts"

const Ask = Schema.TaggedStruct("Ask", { id: CommandId, question: Schema.String })
/** An intent that a test's handler answers. */
export type Ask = typeof Ask.Type
const CounterIntent = Schema.Union([SendCommand, Ask])
/** The intents of a counter. */
export type CounterIntent = typeof CounterIntent.Type

/** The commands of a counter. */
export const Command = Schema.TaggedUnion({
  add: { n: Schema.Int },
  /** Accepted without an event. */
  nothing: {},
  /** Sets a timer that adds 100. */
  wake_at: { at: Instant },
  /** Adds a pending `Ask`. */
  ask: { question: Schema.String },
  forget: { id: CommandId },
  /** Adds an intent that lets another counter add `n`. */
  send_add: { topic: TopicId, n: Schema.Int },
  /** Forwards the addition to another counter. */
  forward_add: { topic: TopicId, n: Schema.Int },
  /** Restricts reading; null permits everyone. */
  share: { readers: Schema.NullOr(Schema.Array(Author)) },
  /** Each throws in another function. */
  die_deciding: {},
  die_evolving: {},
  die_deriving: {}
})
export type Command = typeof Command.Type

/** The answers of a counter, besides those of every kind. */
export const Answer = Schema.TaggedUnion({ Add: { n: Schema.Int }, Answered: { id: CommandId, value: Schema.Int } })

/** The events of a counter. */
export const Event = Schema.TaggedUnion({
  Added: { n: Schema.Int },
  WakeSet: { at: Schema.NullOr(Instant) },
  IntentAdded: { intent: CounterIntent },
  Settled: { id: CommandId, value: Schema.Int },
  Shared: { readers: Schema.NullOr(Schema.Array(Author)) },
  Poison: { when: Schema.Literals(["evolve", "derive"]) }
})
export type Event = typeof Event.Type

/** The state of a counter. */
export const State = Schema.Struct({
  total: Schema.Int,
  wake: Schema.NullOr(Instant),
  pendingIntents: Schema.Array(CounterIntent),
  readers: Schema.NullOr(Schema.Array(Author)),
  poisoned: Schema.Boolean
})
export type State = typeof State.Type

const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "Added":
      return { ...state, total: state.total + event.n }
    case "WakeSet":
      return { ...state, wake: event.at }
    case "IntentAdded":
      return { ...state, pendingIntents: [...state.pendingIntents, event.intent] }
    case "Settled":
      return {
        ...state,
        total: state.total + event.value,
        pendingIntents: state.pendingIntents.filter(({ id }) => id !== event.id)
      }
    case "Shared":
      return { ...state, readers: event.readers }
    case "Poison":
      if (event.when === "evolve") throw new TypeError("a defect in evolve")
      return { ...state, poisoned: true }
  }
}

const settleIntent = (state: State, id: CommandId, value: number) =>
  state.pendingIntents.some((intent) => intent.id === id) ? accept({ _tag: "Settled", id, value }) : accept()

/** What a failed intent adds to the total. */
const failureValues = { invalid_answer: -2, defect: -3, unanswered: -4 } as const

/** Counts. A total never falls below zero. */
export const kind = define({
  name: "counter",
  version: 2,
  upcasters: { 1: (event) => ({ _tag: "Added", n: event as number }) },
  State,
  Command,
  Answer,
  Event,
  initial: () => ({ total: 0, wake: null, pendingIntents: [], readers: null, poisoned: false }),
  decide: (state, input, context) => {
    switch (input._tag) {
      case "add":
      case "Add":
        return state.total + input.n < 0
          ? reject(makeRejection("rule_violated", "TOP1", "a total never falls below zero"))
          : accept({ _tag: "Added", n: input.n })
      case "nothing":
        return accept()
      case "wake_at":
        return accept({ _tag: "WakeSet", at: input.at })
      case "TimerFired":
        return accept({ _tag: "WakeSet", at: null }, { _tag: "Added", n: 100 })
      case "ask":
        return accept({ _tag: "IntentAdded", intent: { _tag: "Ask", id: context.id, question: input.question } })
      case "send_add": {
        const id = CommandId.make(`${context.id}/send`)
        const payload = { _tag: "Add", n: input.n }
        return accept({ _tag: "IntentAdded", intent: { _tag: "SendCommand", id, topic: input.topic, input: payload } })
      }
      case "forward_add":
        return forward(input.topic, { _tag: "Add", n: input.n })
      case "forget":
        return settleIntent(state, input.id, 0)
      case "CommandOutcome":
        return settleIntent(state, input.id, input.rejection === null ? 1000 : -1)
      case "IntentFailed":
        return settleIntent(state, input.id, failureValues[input.reason])
      case "Answered":
        return settleIntent(state, input.id, input.value)
      case "share":
        return accept({ _tag: "Shared", readers: input.readers })
      case "die_deciding":
        throw new TypeError("a defect in decide")
      case "die_evolving":
        return accept({ _tag: "Poison", when: "evolve" })
      case "die_deriving":
        return accept({ _tag: "Poison", when: "derive" })
    }
  },
  evolve,
  pending: ({ pendingIntents, poisoned }) => {
    if (poisoned) throw new TypeError("a defect in pending")
    return pendingIntents
  },
  nextWake: ({ wake }) => wake ?? undefined,
  canRead: ({ readers }, reader) => readers === null || readers.includes(reader),
  listing: ({ readers }) =>
    readers === null
      ? undefined
      : { title: "a counter", visibility: "members", status: "active", members: readers, updatedAt: 0 }
})
