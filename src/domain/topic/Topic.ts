/**
 * The contract of a topic kind. A topic is an ordered log of events with subscribers; its kind consists of schemas and
 * pure functions that turn commands into events, and events into a state (TOP1, TOP2).
 *
 * **When to use**
 *
 * Use `define` to add a kind for shared state that must be durable, ordered, recoverable and synchronised, such as a
 * document or a game. Use signals for values that need no log (a cursor), and a projection for derived data.
 *
 * **Details**
 *
 * - `decide` turns an input into events, a rejection, or a forward to another topic. Inputs are commands of users,
 *   answers to intents, and the host's own answers (`CommandOutcome`, `TimerFired`, `IntentFailed`).
 * - `evolve` applies one event. It must accept every event that `decide` ever returned, because the state is computed
 *   from the log after each restart (TOP6).
 * - `pending` derives the intents without an answer from the state. The host performs the difference before and after
 *   a decision, and after a restart all of them, under the same ids.
 * - `nextWake` is the time of the next timer: the host then puts `TimerFired` to the topic.
 * - `canRead` guards subscriptions, deliveries and queries. A kind guards its commands itself.
 * - `validate` lists what is wrong with a change as a whole, after `decide` and `evolve`. A change with a fault is
 *   rejected and not stored, so that a defect of a rule cannot spoil a log (THR8).
 *
 * **Gotchas**
 *
 * - Functions of a kind never read a clock, draw a random number or make an id: these arrive in the context.
 * - Changing what `evolve` does changes the state of old logs. Raise `version`, and add an upcaster (TOP9).
 * - Intents are performed at least once: deduplicate by the intent's id.
 * - The defaults make a kind readable by every user. Give `canRead` for anything private.
 * - The state is sent to subscribers whole, and hashed. Bound what it retains of the past (TOP11).
 *
 * **Example** (a counter with a limit)
 *
 * ```ts
 * import { Domain } from "choir"
 * import { Result, Schema } from "effect"
 *
 * const { accept, define, reject, step } = Domain.Topic
 *
 * const tally = define({
 *   name: "tally",
 *   State: Schema.Struct({ count: Schema.Int }),
 *   Command: Schema.TaggedStruct("add", { by: Schema.Int }),
 *   Event: Schema.TaggedStruct("Added", { by: Schema.Int }),
 *   initial: () => ({ count: 0 }),
 *   decide: (state, input) => {
 *     if (input._tag !== "add") return accept()
 *     return state.count + input.by > 10
 *       ? reject({ code: "rule_violated", rule: "TALLY1", message: "a tally counts to 10; add less" })
 *       : accept({ _tag: "Added", by: input.by })
 *   },
 *   evolve: (state, event) => ({ count: state.count + event.by })
 * })
 *
 * const state = tally.initial(Domain.Ids.TopicId.make("tally:votes"))
 * const context = { id: Domain.Ids.CommandId.make("c1"), author: "system:example", now: 0, seed: 0 } as const
 * for (const by of [4, 40]) {
 *   console.log(Result.match(step(tally, state, { _tag: "add", by }, context), {
 *     onSuccess: (applied) => "state" in applied ? applied.state : applied,
 *     onFailure: ({ message }) => message
 *   }))
 * }
 * // { count: 4 }, then: a tally counts to 10; add less
 * ```
 */
import { Result, Schema } from "effect"
import type { Rate } from "../admission/TokenBucket.ts"
import { type Author, CommandId, type EventAddress, type Instant, kindOf, TopicId } from "../protocol/Ids.ts"
import type { Principal } from "../protocol/Principal.ts"
import { Rejection } from "../protocol/Rejection.ts"
import { commandTags } from "./CommandTags.ts"
import type { Derivation, TextAddress } from "./Derivation.ts"
import { decideErasure, Erase, Erased, EraseDerived, isErased, isErasure, type PastEvent } from "./Erasure.ts"
import { eraseTexts, type SealedText } from "./SealedText.ts"
import { type Change, rejectFaults } from "./Transition.ts"

/** The inputs of a decision besides the state and the command. */
export interface CommandContext {
  /** The command's id. Ids of new objects are derived from it. */
  readonly id: CommandId
  readonly author: Author
  /** Who acts; by default a person with their own key, or the server. */
  readonly principal?: Principal
  readonly now: Instant
  /** 32 random bits, drawn once per command; not stored. */
  readonly seed: number
  /** Whether the command carries a valid signature by its author (AUT5). */
  readonly signed?: boolean
  /** The events that the kind's `needs` names, by seq; those that the log does not have are missing (TOP11). */
  readonly past?: ReadonlyMap<number, PastEvent> | undefined
}

/** Work for the outside world, as data. `id` is unique in the topic and never reused. */
export interface Intent {
  readonly _tag: string
  readonly id: string
}

/**
 * The intent that all kinds share: submits `input` to another topic, as a command with this intent's id. The outcome
 * arrives as a `CommandOutcome` answer. Topics interact in no other way, so that no transaction spans two of them.
 */
export const SendCommand = Schema.TaggedStruct("SendCommand", { id: CommandId, topic: TopicId, input: Schema.Json })
export type SendCommand = typeof SendCommand.Type

/** The answer to a `SendCommand`; `rejection` is null when the other topic accepted. */
export const CommandOutcome = Schema.TaggedStruct("CommandOutcome", {
  id: CommandId,
  rejection: Schema.NullOr(Rejection)
})
export type CommandOutcome = typeof CommandOutcome.Type

/** The host's input at a topic's `nextWake`. */
export const TimerFired = Schema.TaggedStruct("TimerFired", {})
export type TimerFired = typeof TimerFired.Type

/**
 * The answer to an intent without a usable one: what its handler answered does not fit the kind's `Answer`
 * (`invalid_answer`), the kind met a defect when it decided the answer (`defect`), or rejected it or accepted it without
 * ending the intent (`unanswered`). The intent is not handled again while it stays pending, until the topic is loaded
 * anew: a kind ends it, or replaces it by another attempt.
 */
export const IntentFailed = Schema.TaggedStruct("IntentFailed", {
  id: CommandId,
  reason: Schema.Literals(["invalid_answer", "defect", "unanswered"])
})
export type IntentFailed = typeof IntentFailed.Type

/** The answers that the host puts to a topic of any kind. */
export const HostAnswer = Schema.Union([CommandOutcome, TimerFired, IntentFailed])
export type HostAnswer = typeof HostAnswer.Type
/** The inputs of the server that `define` decides for every kind. */
const ServerInput = Schema.Union([...HostAnswer.members, EraseDerived])

/** The result of an input that is not rejected. */
export type Decision<E> =
  /** Append these events, in this order; none when the input changes nothing. */
  | { readonly _tag: "Accept"; readonly events: ReadonlyArray<E> }
  /**
   * Let `topic` decide `input` under the same command id and author. Nothing is logged in this topic. The other topic gets
   * the seals of texts in `input`; the texts stay beside the log of this one (TOP10).
   */
  | { readonly _tag: "Forward"; readonly topic: TopicId; readonly input: unknown }

/** Accepts an input with these events. `const` infers literal tags, so that events need no annotation. */
export const accept = <const E = never>(...events: ReadonlyArray<E>): Result.Result<Decision<E>, Rejection> =>
  Result.succeed({ _tag: "Accept", events })

/** Forwards an input to another topic. */
export const forward = (topic: TopicId, input: unknown): Result.Result<Decision<never>, Rejection> =>
  Result.succeed({ _tag: "Forward", topic, input })

/** Rejects an input. */
export const reject = (rejection: Rejection): Result.Result<never, Rejection> => Result.fail(rejection)

/** A topic's entry in lists (THR10): a projection that is written in the transaction of the append. */
export interface Listing {
  /** A string is not written by people: it cannot be erased. */
  readonly title: SealedText | string
  readonly visibility: "public" | "members"
  readonly status: "active" | "closed"
  readonly members: ReadonlyArray<Author>
  readonly updatedAt: Instant
}

/**
 * A kind of topic (TOP8). Commands, answers and events are JSON values, except that what people write is a `SealedText`
 * (TOP10): `SealedText.written` in commands and answers, `SealedText.stored` in events and states. The state may be
 * richer; `State` is its codec for snapshots.
 *
 * - `S` is the state, `C` the commands of users, `A` the answers to intents (with `HostAnswer`), `E` the events, `I`
 *   the intents.
 * - `W` are the commands as users send them: as JSON, with strings in place of texts.
 * - Every case of `C`, `A`, `E` and `I` has a `_tag`. A command's tag is its message type on the wire, in snake_case.
 */
export interface Kind<S, C, A, E, I extends Intent, W = unknown> {
  readonly name: string
  /** The version that new events are written with (TOP9). */
  readonly version: number
  /** `upcasters[v]` turns an event of version `v` into one of `v + 1`. */
  readonly upcasters: Readonly<Record<number, (event: Schema.Json) => Schema.Json>>
  readonly State: Schema.Codec<S, unknown>
  readonly Command: Schema.Codec<C, W>
  readonly Answer: Schema.Codec<A, unknown>
  readonly Event: Schema.Codec<E, unknown>
  /** The tags of `Command`, for routing. */
  readonly commands: ReadonlySet<string>
  /**
   * The commands that create a topic, for kinds whose topics are visible only to the readers of their `listing`
   * (everyone if it is public, else its members). The host then loads a topic only for those readers and for these
   * commands, so that a request by anyone else takes the same time whether the topic exists or not (SEC9). Without it,
   * the host loads the topic for every request.
   */
  readonly creationCommands?: ReadonlySet<string> | undefined
  /**
   * The commands that start a run of the Chorus, which costs calls of models: each takes more of the user's rate limit
   * (SEC25), and counts against the budgets of a day (SEC29). Without it, none does.
   */
  readonly runCommands?: ReadonlySet<string> | undefined
  /**
   * The rate limit for one user's commands to all topics of this kind together (CON7). Without it, they draw on the
   * budget that such kinds share. It is per kind, so that commands to different topics keep their order.
   */
  readonly budget?: Rate
  initial(topic: TopicId): S
  decide(state: S, input: C | A, context: CommandContext): Result.Result<Decision<E>, Rejection>
  evolve(state: S, event: E): S
  /** The events of the past that an input depends on, by seq, at most 8; the host reads them into the context (TOP11). */
  needs(input: C | A): ReadonlyArray<number>
  /** The texts of other topics that an event was made from (TOP10). */
  sourcesOf(event: E): ReadonlyArray<TextAddress>
  /**
   * How an event at a state was made from texts that `because` has erased; undefined if it was not (TOP10). Without it, no
   * event of the kind is made from other texts.
   */
  derivationOf?(
    state: S,
    event: E,
    commitments: ReadonlySet<string>,
    because: EventAddress
  ): Derivation<A> | undefined
  /** The intents without an answer. Called after each decision: its cost must not grow with the state. */
  pending(state: S): ReadonlyArray<I>
  /** When the host puts `TimerFired` to the topic; undefined without a timer. */
  nextWake(state: S): Instant | undefined
  /** Whether `reader` may read the topic; false for a topic that does not exist, unless any name is readable. */
  canRead(state: S, reader: Author): boolean
  /** The topic's entry in lists; undefined when it is in none. */
  listing(state: S): Listing | undefined
  /** What is wrong with a change, each fault as a short phrase; its cost must not grow with what did not change. */
  validate(change: Change<S, E>): ReadonlyArray<string>
}

/** A kind of unknown types, for hosts and registries. Every kind is assignable to it: methods are bivariant. */
export type AnyKind = Kind<unknown, unknown, unknown, unknown, Intent>

/** A case of a union. */
export interface Tagged {
  readonly _tag: string
}

/**
 * A kind without what `define` fills in. The types are inferred: `S`, `C`, `A` and `E` from the schemas, `I` from what
 * `pending` returns.
 */
export interface KindDefinition<
  S extends object,
  C extends Tagged,
  A extends Tagged,
  E extends Tagged,
  I extends Intent,
  W
> {
  readonly name: string
  readonly State: Schema.Codec<S, unknown>
  readonly Command: Schema.Codec<C, W>
  readonly Event: Schema.Codec<E, Schema.Json>
  /** The answers besides `HostAnswer`. Default: none. */
  readonly Answer?: Schema.Codec<A, Schema.Json>
  /** Default: 1. */
  readonly version?: number
  /** Default: none. */
  readonly upcasters?: AnyKind["upcasters"]
  /** Default: a topic is loaded for every command and every reader. */
  readonly creationCommands?: ReadonlyArray<NoInfer<C>["_tag"]>
  /** Default: no command starts a run of the Chorus. */
  readonly runCommands?: ReadonlyArray<NoInfer<C>["_tag"]>
  /** Default: the budget that kinds share. */
  readonly budget?: Rate
  initial(topic: TopicId): NoInfer<S>
  decide(
    state: NoInfer<S>,
    input: NoInfer<C | A> | HostAnswer,
    context: CommandContext
  ): Result.Result<Decision<NoInfer<E>>, Rejection>
  evolve(state: NoInfer<S>, event: NoInfer<E>): NoInfer<S>
  /**
   * Default: the principal of the command that it came from, and an agent's owner. Who wrote the texts of an event, and so
   * may erase them (TOP10).
   */
  authorsOf?(event: NoInfer<E>): ReadonlyArray<Author | undefined> | undefined
  /** Default: none. The kind's own rejection of an erasure by somebody who may read the topic, whatever its text (TOP10). */
  rejectErasure?(state: NoInfer<S>, context: CommandContext): Rejection | undefined
  /** Default: nothing. What an erasure changes in a state besides the texts, which are erased already. */
  evolveErased?(state: NoInfer<S>, event: Erased): NoInfer<S>
  /** Default: nothing. The events that follow from an erasure. */
  decideErased?(state: NoInfer<S>, event: Erased, context: CommandContext): ReadonlyArray<NoInfer<E>>
  /** Default: none. The texts of other topics that an event was made from (TOP10). */
  sourcesOf?(event: NoInfer<E>): ReadonlyArray<TextAddress>
  /** Default: not at all. How an event was made from texts that `because` has erased (TOP10). */
  derivationOf?(
    state: NoInfer<S>,
    event: NoInfer<E>,
    commitments: ReadonlySet<string>,
    because: EventAddress
  ): Derivation<NoInfer<A>> | undefined
  /** Default: no intents. */
  pending?(state: NoInfer<S>): ReadonlyArray<I>
  /** Default: no timer. */
  nextWake?(state: NoInfer<S>): Instant | undefined
  /** Default: every user may read every topic of the kind. */
  canRead?(state: NoInfer<S>, reader: Author): boolean
  /** Default: in no list. */
  listing?(state: NoInfer<S>): Listing | undefined
  /** Default: every change is valid. */
  validate?(change: Change<NoInfer<S>, NoInfer<E>>): ReadonlyArray<string>
}

/** Makes a kind (TOP8); `KindDefinition` states the defaults. The head of this file has an example. */
export const define = <
  S extends object,
  C extends Tagged,
  E extends Tagged,
  A extends Tagged = never,
  I extends Intent = never,
  W extends Schema.Json = Schema.Json
>(
  definition: KindDefinition<S, C, A, E, I, W>
): Kind<S, C | Erase, A | HostAnswer | EraseDerived, E | Erased, I, W | typeof Erase.Encoded> => {
  const { Answer, creationCommands, runCommands } = definition
  const Command = Schema.Union([...casesOf(definition.Command), Erase])
  return {
    version: 1,
    upcasters: {},
    pending: () => [],
    nextWake: () => undefined,
    canRead: () => true,
    listing: () => undefined,
    ...definition,
    ...withErasure(definition),
    commands: commandTags(Command.ast),
    creationCommands: creationCommands === undefined ? undefined : new Set<string>(creationCommands),
    runCommands: runCommands === undefined ? undefined : new Set<string>(runCommands),
    Command,
    Answer: Answer === undefined ? ServerInput : Schema.Union([...casesOf(Answer), ...ServerInput.members]),
    Event: Schema.Union([...casesOf(definition.Event), Erased])
  }
}

/** The cases of a union, so that a larger one finds each by its tag. */
const casesOf = <T, W>(schema: Schema.Codec<T, W>): ReadonlyArray<Schema.Codec<T, W>> => {
  if ("cases" in schema) return Object.values(schema.cases as Readonly<Record<string, Schema.Codec<T, W>>>)
  return "members" in schema ? (schema.members as ReadonlyArray<Schema.Codec<T, W>>).flatMap(casesOf) : [schema]
}

/** TOP10: the functions of a kind whose texts can be erased. */
const withErasure = <S extends object, C extends Tagged, A extends Tagged, E extends Tagged, I extends Intent, W>(
  definition: KindDefinition<S, C, A, E, I, W>
): Pick<
  Kind<S, C | Erase, A | HostAnswer | EraseDerived, E | Erased, I, W>,
  "decide" | "derivationOf" | "evolve" | "needs" | "sourcesOf" | "validate"
> => {
  const {
    canRead = () => true,
    decideErased,
    derivationOf,
    evolveErased = (state) => state,
    rejectErasure,
    sourcesOf,
    authorsOf
  } = definition
  // The same state each time, when an erasure is decided, validated and applied: its unchanged parts are recognised by
  // identity. Weak, since the state before holds what is erased.
  const results = new WeakMap<S, { readonly event: Erased; readonly state: S }>()
  const erase = (old: S, event: Erased): S => {
    let result = results.get(old)
    if (result?.event !== event) {
      result = { event, state: evolveErased(eraseTexts(old, new Set(event.texts)), event) }
      results.set(old, result)
    }
    return result.state
  }
  const evolve = (state: S, event: E | Erased): S =>
    isErased(event) ? erase(state, event) : definition.evolve(state, event as E)
  return {
    // An erasure comes first, and changes no more than texts; what follows from it is judged.
    validate: ({ events, new: next, old }) => {
      const [first, ...others] = events
      if (first === undefined || !isErased(first)) {
        return definition.validate?.({ old, new: next, events: events as ReadonlyArray<E> }) ?? []
      }
      return others.length === 0
        ? []
        : definition.validate?.({ old: erase(old, first), new: next, events: others as ReadonlyArray<E> }) ?? []
    },
    needs: (input) => isErasure(input) ? [input.seq] : [],
    sourcesOf: (event) => isErased(event) ? [] : sourcesOf?.(event as E) ?? [],
    ...derivationOf !== undefined && {
      derivationOf: (state, event, commitments, because) =>
        isErased(event) ? undefined : derivationOf(state, event as E, commitments, because)
    },
    evolve,
    decide: (state, input, context) => {
      if (!isErasure(input)) return definition.decide(state, input as C | A | HostAnswer, context)
      const { author, now } = context
      const isReader = canRead(state, author)
      const rejection = isReader ? rejectErasure?.(state, context) : undefined
      if (rejection !== undefined) return reject(rejection)
      const past = context.past?.get(input.seq)
      const event = past?.event
      const authors = event === undefined || isErased(event) ? undefined : authorsOf?.(event as E)
      const erased = decideErasure(input, { author, now, past, canRead: isReader, authors })
      return Result.map(erased, (erased) => ({
        _tag: "Accept",
        events: [erased, ...decideErased?.(erase(state, erased), erased, context) ?? []]
      }))
    }
  }
}

/** The name of the rate limit for commands to a topic (CON7): its kind's own, or the shared one. */
export const budgetNameOf = (kinds: ReadonlyMap<string, AnyKind>, topic: TopicId): string => {
  const kindName = kindOf(topic)
  return kinds.get(kindName)?.budget === undefined ? "command" : `command:${kindName}`
}

/** Whether a command to a topic starts a run of the Chorus (SEC29). */
export const startsRun = (kinds: ReadonlyMap<string, AnyKind>, topic: TopicId, command: unknown): boolean =>
  // Every command is tagged, by the kind's contract.
  kinds.get(kindOf(topic))?.runCommands?.has((command as { readonly _tag: string })._tag) === true

/** The effects of an accepted input (TOP1): the new state, its events, and the intents that it started and cancelled. */
export interface AppliedDecision<S, E, I> {
  readonly state: S
  readonly events: ReadonlyArray<E>
  readonly started: ReadonlyArray<I>
  readonly cancelled: ReadonlyArray<I>
}

/** The state after `events` (TOP2). */
export const fold = <S, C, A, E, I extends Intent>(
  kind: Kind<S, C, A, E, I>,
  state: S,
  events: ReadonlyArray<E>
): S => events.reduce((state, event) => kind.evolve(state, event), state)

/** The state after the events of one decision, or the rejection of a change that the kind finds faults with (THR8). */
export const foldDecision = <S, C, A, E, I extends Intent>(
  kind: Kind<S, C, A, E, I>,
  state: S,
  events: ReadonlyArray<E>
): Result.Result<S, Rejection> => {
  if (events.length === 0) return Result.succeed(state)
  const next = fold(kind, state, events)
  const rejection = rejectFaults(kind.name, kind.validate({ old: state, new: next, events }))
  return rejection === undefined ? Result.succeed(next) : Result.fail(rejection)
}

/** The intents that are in `next` but not in `previous`, and the reverse, compared by id (TOP1). */
export const diffIntents = <I extends Intent>(
  previous: ReadonlyArray<I>,
  next: ReadonlyArray<I>
): { readonly started: ReadonlyArray<I>; readonly cancelled: ReadonlyArray<I> } => {
  if (previous.length === 0) return { started: next, cancelled: [] }
  const previousIds = new Set(previous.map((intent) => intent.id))
  const nextIds = new Set(next.map((intent) => intent.id))
  return {
    started: next.filter((intent) => !previousIds.has(intent.id)),
    cancelled: previous.filter((intent) => !nextIds.has(intent.id))
  }
}

/** Decides an input and applies its events, without committing anything; `simulate` is this function (THR11). */
export const step = <S, C, A, E, I extends Intent>(
  kind: Kind<S, C, A, E, I>,
  state: S,
  input: C | A,
  context: CommandContext
): Result.Result<AppliedDecision<S, E, I> | Extract<Decision<E>, { readonly _tag: "Forward" }>, Rejection> =>
  Result.flatMap(
    kind.decide(state, input, context),
    (decision): Result.Result<AppliedDecision<S, E, I> | Extract<Decision<E>, { _tag: "Forward" }>, Rejection> =>
      decision._tag === "Forward"
        ? Result.succeed(decision)
        : Result.map(foldDecision(kind, state, decision.events), (next) => ({
          state: next,
          events: decision.events,
          ...diffIntents(kind.pending(state), kind.pending(next))
        }))
  )

/**
 * Brings a stored event of an older version up to the kind's own (TOP9). Fails with a sentence when an upcaster is
 * missing, or when a newer release wrote the event.
 */
export const upcast = (kind: AnyKind, version: number, event: Schema.Json): Result.Result<Schema.Json, string> => {
  if (version > kind.version) {
    return Result.fail(`event version ${version} is newer than version ${kind.version} of the kind ${kind.name}`)
  }
  let current = event
  for (let eventVersion = version; eventVersion < kind.version; eventVersion++) {
    const upcaster = kind.upcasters[eventVersion]
    if (upcaster === undefined) {
      return Result.fail(`the kind ${kind.name} has no upcaster from event version ${eventVersion}`)
    }
    current = upcaster(current)
  }
  return Result.succeed(current)
}
