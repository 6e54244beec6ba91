/**
 * The one mechanism under everything: a topic is an ordered log of events, and
 * its kind says, in pure functions, which commands become which events and
 * what the events add up to (TOP1, TOP2).
 *
 * A kind never reads a clock, makes an id or touches the world. What the world
 * owes it is `pending(state)`: data, issued again under the same id after a
 * restart until an answer is in the log (TOP6).
 */
import { Result, Schema, SchemaAST } from "effect"
import type { Rate } from "../admission/TokenBucket.ts"
import { type Author, CommandId, type Instant, kindOf, TopicId } from "../protocol/Ids.ts"
import { Rejection } from "../protocol/Rejection.ts"

/** What a decision may know besides the state and the command. */
export interface CommandContext {
  /** The command's id; new things take their ids from it. */
  readonly id: CommandId
  readonly author: Author
  readonly now: Instant
  /** 32 random bits, drawn once per command. */
  readonly seed: number
  /** Whether the author's own signature over the command was checked (AUT5). */
  readonly signed?: boolean
}

/** Something the outside world must do, as data. `id` is unique in the topic for ever. */
export interface Intent {
  readonly _tag: string
  readonly id: string
}

/**
 * The intent every kind shares: put `input` to another topic, as a command with
 * this intent's id. Its outcome comes back as `Told`. Topics work together by
 * this alone, so that no transaction ever spans two of them.
 */
export const SendCommand = Schema.TaggedStruct("Tell", { id: CommandId, topic: TopicId, input: Schema.Json })
export type SendCommand = typeof SendCommand.Type

/** The answer to a `Tell`: `rejection` is null when the other topic accepted. */
export const CommandOutcome = Schema.TaggedStruct("Told", { id: CommandId, rejection: Schema.NullOr(Rejection) })
export type CommandOutcome = typeof CommandOutcome.Type

/** What the host puts to a topic when its `nextWake` has come. */
export const TimerFired = Schema.TaggedStruct("Woke", {})
export type TimerFired = typeof TimerFired.Type

/** The answers that the host puts to a topic of any kind. */
export const HostAnswer = Schema.Union([CommandOutcome, TimerFired])
export type HostAnswer = typeof HostAnswer.Type

/** What a kind makes of an input it does not refuse. */
export type Decision<E> =
  /** These events, in this order; none when the input changes nothing. */
  | { readonly _tag: "Accept"; readonly events: ReadonlyArray<E> }
  /** Not ours to decide: the same command, by the same author, goes to `topic` first. Nothing is logged here. */
  | { readonly _tag: "Forward"; readonly topic: TopicId; readonly input: Schema.Json }

/** The decision for these events. `const` keeps the literal types of their tags, so that they need no annotation. */
export const accept = <const E = never>(...events: ReadonlyArray<E>): Result.Result<Decision<E>, Rejection> =>
  Result.succeed({ _tag: "Accept", events })

export const forward = (topic: TopicId, input: Schema.Json): Result.Result<Decision<never>, Rejection> =>
  Result.succeed({ _tag: "Forward", topic, input })

export const reject = (rejection: Rejection): Result.Result<never, Rejection> => Result.fail(rejection)

/** How a topic appears in lists (THR10); kept as a projection in the append's own transaction. */
export interface Listing {
  readonly title: string
  readonly visibility: "public" | "members"
  readonly status: "active" | "closed"
  readonly members: ReadonlyArray<Author>
  readonly updatedAt: Instant
}

/**
 * A kind of topic (TOP8). Commands, answers and events are plain JSON values:
 * what is in memory is what is in the log and on the wire. The state may be
 * richer; `State` is its codec for snapshots.
 *
 * - `S` the state, `C` commands that users may send, `A` answers of the world
 *   (always including `Told` and `Woke`), `E` events, `I` intents.
 * - Every case of `C`, `A`, `E`, `I` is tagged with `_tag`; a command's tag is
 *   its message type on the wire, in snake_case.
 */
export interface Kind<S, C, A, E, I extends Intent> {
  readonly name: string
  /** The version that new events are written with (TOP9). */
  readonly version: number
  /** `upcasters[v]` turns an event of version `v` into one of `v + 1`. */
  readonly upcasters: Readonly<Record<number, (event: Schema.Json) => Schema.Json>>
  readonly State: Schema.Codec<S, unknown>
  readonly Command: Schema.Codec<C, unknown>
  readonly Answer: Schema.Codec<A, unknown>
  readonly Event: Schema.Codec<E, unknown>
  /** The tags of `Command`, for routing. */
  readonly commands: ReadonlySet<string>
  /**
   * The commands that make a topic of this kind out of nothing, for kinds that only the readers of their `listing` may
   * see or ask anything of: everybody if it is public, else its members. A resting topic is then not loaded for anybody
   * else, so that what is there and what is not cost a stranger the same time (SEC9). Left out, whoever asks has it loaded.
   */
  readonly creationCommands?: ReadonlySet<string>
  /**
   * How many commands one user may send to all topics of this kind together (CON7); left out, they draw on the budget
   * that all such kinds share. One for the whole kind, so that no command to a topic overtakes another.
   */
  readonly budget?: Rate
  initial(topic: TopicId): S
  decide(state: S, input: C | A, context: CommandContext): Result.Result<Decision<E>, Rejection>
  evolve(state: S, event: E): S
  /** All that the world still owes this topic. Cheap: in proportion to what is owed, not to the state. */
  pending(state: S): ReadonlyArray<I>
  /** When to put `Woke` to the topic, if at all. */
  nextWake(state: S): Instant | undefined
  /** Whether `reader` may see the topic; false for a topic that does not exist, unless reading creates it. */
  canRead(state: S, reader: Author): boolean
  /** How the topic appears in lists; undefined keeps it out of them. */
  listing(state: S): Listing | undefined
}

/** A kind whose types the holder does not know: what hosts and registries work with. */
// Methods are compared bivariantly, so every concrete kind is assignable to this.
export type AnyKind = Kind<unknown, unknown, unknown, unknown, Intent>

/** A value of a tagged union. */
interface Tagged {
  readonly _tag: string
}

/**
 * A kind without what `define` fills in. The types are inferred: `S`, `C`, `A` and `E` from the schemas, `I` from what
 * `pending` returns.
 */
export interface KindDefinition<S, C extends Tagged, A, E, I extends Intent> {
  readonly name: string
  readonly State: Schema.Codec<S, unknown>
  readonly Command: Schema.Codec<C, unknown>
  readonly Event: Schema.Codec<E, unknown>
  /** The answers besides `HostAnswer`. Default: none. */
  readonly Answer?: Schema.Codec<A, unknown>
  /** Default: 1. */
  readonly version?: number
  /** Default: none. */
  readonly upcasters?: AnyKind["upcasters"]
  /** Default: a topic is loaded for every command and every reader. */
  readonly creationCommands?: ReadonlyArray<NoInfer<C>["_tag"]>
  /** Default: the budget that kinds share. */
  readonly budget?: Rate
  initial(topic: TopicId): NoInfer<S>
  decide(
    state: NoInfer<S>,
    input: NoInfer<C | A> | HostAnswer,
    context: CommandContext
  ): Result.Result<Decision<NoInfer<E>>, Rejection>
  evolve(state: NoInfer<S>, event: NoInfer<E>): NoInfer<S>
  /** Default: no intents. */
  pending?(state: NoInfer<S>): ReadonlyArray<I>
  /** Default: no timer. */
  nextWake?(state: NoInfer<S>): Instant | undefined
  /** Default: every user may read every topic of the kind. */
  canRead?(state: NoInfer<S>, reader: Author): boolean
  /** Default: in no list. */
  listing?(state: NoInfer<S>): Listing | undefined
}

/** Makes a kind from what is particular to it (TOP8); `KindDefinition` has the defaults. */
export const define = <S, C extends Tagged, E, A = never, I extends Intent = never>(
  { Answer, creationCommands, ...definition }: KindDefinition<S, C, A, E, I>
): Kind<S, C, A | HostAnswer, E, I> => ({
  version: 1,
  upcasters: {},
  commands: tagsOf(definition.Command.ast),
  pending: () => [],
  nextWake: () => undefined,
  canRead: () => true,
  listing: () => undefined,
  ...definition,
  ...(creationCommands === undefined ? undefined : { creationCommands: new Set<string>(creationCommands) }),
  Answer: Answer === undefined ? HostAnswer : Schema.Union([Answer, CommandOutcome, TimerFired])
})

/** The tags of a schema of tagged structs. A case without one could not be routed: a defect of the kind. */
const tagsOf = (ast: SchemaAST.AST): ReadonlySet<string> => {
  if (SchemaAST.isNever(ast)) return new Set()
  if (SchemaAST.isUnion(ast)) return new Set(ast.types.flatMap((member) => [...tagsOf(member)]))
  const tag = SchemaAST.isObjects(ast) ? ast.propertySignatures.find(({ name }) => name === "_tag")?.type : undefined
  if (tag === undefined || !SchemaAST.isLiteral(tag)) {
    throw new TypeError("each case of a Command schema needs a literal _tag")
  }
  return new Set([String(tag.literal)])
}

/** The name of the budget that commands to a topic draw on (CON7): its kind's own, or the shared one. */
export const budgetNameOf = (kinds: ReadonlyMap<string, AnyKind>, topic: TopicId): string => {
  const kindName = kindOf(topic)
  return kinds.get(kindName)?.budget === undefined ? "command" : `command:${kindName}`
}

/** What became of one input (TOP1): the new state, the events, what the world newly owes, and what it no longer does. */
export interface AppliedDecision<S, E, I> {
  readonly state: S
  readonly events: ReadonlyArray<E>
  readonly started: ReadonlyArray<I>
  readonly cancelled: ReadonlyArray<I>
}

/** `state = events.reduce(evolve, state)` (TOP2). */
export const fold = <S, C, A, E, I extends Intent>(
  kind: Kind<S, C, A, E, I>,
  state: S,
  events: ReadonlyArray<E>
): S => events.reduce((state, event) => kind.evolve(state, event), state)

/** Intents owed `after` but not `before`, and the reverse, by id. */
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

/** Decides and evolves in one pure step, without committing anything: the host's step, and `simulate`'s (THR11). */
export const step = <S, C, A, E, I extends Intent>(
  kind: Kind<S, C, A, E, I>,
  state: S,
  input: C | A,
  context: CommandContext
): Result.Result<AppliedDecision<S, E, I> | Extract<Decision<E>, { readonly _tag: "Forward" }>, Rejection> =>
  Result.map(kind.decide(state, input, context), (decision) => {
    if (decision._tag === "Forward") return decision
    const next = fold(kind, state, decision.events)
    return { state: next, events: decision.events, ...diffIntents(kind.pending(state), kind.pending(next)) }
  })

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
