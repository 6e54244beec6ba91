/**
 * The laws of a topic kind, as properties over random scripts of inputs. Any kind can be checked with them, whatever the
 * test runner: a law is an effect that fails with the counterexample.
 *
 * They are the assumptions of a topic host (TOP1, TOP2, TOP7, TOP8, TOP10): decisions are total and pure, the log alone
 * gives the state, snapshots lose nothing, no state depends on a text, and the kind finds no fault with what it decides
 * (THR8). They do not check the kind's own rules.
 */
import { Arbitrary, Effect, Equal, Result, Schema, SchemaAST } from "effect"
import { type Author, CommandId, TopicId, UserId } from "../domain/protocol/Ids.ts"
import type { Rejection } from "../domain/protocol/Rejection.ts"
import { noOpenings } from "../domain/protocol/Seal.ts"
import { codecsFor } from "../domain/topic/KindCodecs.ts"
import { commitTexts, eraseTexts, openingsOf, openTexts, textsIn } from "../domain/topic/SealedText.ts"
import { type AnyKind, fold } from "../domain/topic/Topic.ts"
import { sha256 } from "../layers/eventlog/ChainVerification.ts"

/** A kind violates a law. */
export class KindLawViolation extends Schema.TaggedError<KindLawViolation>()("KindLawViolation", {
  kind: Schema.String,
  law: Schema.String,
  /** The shrunk script that violates it, and how to replay it. */
  counterexample: Schema.String
}) {
  override get message() {
    return `${this.kind}: ${this.law}\n${this.counterexample}`
  }
}

/** One law of one kind. */
export interface KindLaw {
  /** A sentence that completes "the kind". */
  readonly name: string
  /** Draws scripts and fails with the first one that violates the law. */
  readonly check: Effect.Effect<void, KindLawViolation>
}

/** The distribution of scripts. */
export interface KindLawOptions {
  /** Inputs before each script, by the first author, as they are sent: the command that creates a topic, say. Default: none. */
  readonly prelude?: ReadonlyArray<unknown>
  /** Authors of inputs. Default: two users and the host. */
  readonly authors?: readonly [Author, ...ReadonlyArray<Author>]
  /** Inputs of a script at most. Default: 20. */
  readonly inputsMax?: number
  /** Scripts per law. Default: that of `Arbitrary`. */
  readonly runs?: number
}

interface Turn {
  /** Its texts are not committed to yet. */
  readonly input: unknown
  readonly author: Author
  readonly seed: number
  /** Milliseconds since the turn before. */
  readonly elapsed: number
}

/** The outcome of a script. */
interface Reached {
  /** The state at every seq, from 0. */
  readonly states: ReadonlyArray<unknown>
  readonly events: ReadonlyArray<unknown>
  readonly rejections: ReadonlyArray<Rejection>
  /** Those that the kind found with its changes. */
  readonly faults: ReadonlyArray<string>
}

const defaultAuthors: readonly [Author, ...ReadonlyArray<Author>] = [
  UserId.make("A".repeat(43)),
  UserId.make("E".repeat(43)),
  "system:host"
]

const intUpTo = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

const commandId = (index: number): CommandId =>
  CommandId.make(`00000000-0000-4000-8000-${String(index).padStart(12, "0")}`)

/** The laws of a kind, each with its own random scripts. */
export const laws = (kind: AnyKind, options: KindLawOptions = {}): ReadonlyArray<KindLaw> => {
  const scripts = scriptsOf(kind, options)
  const law = (name: string, holds: (turns: ReadonlyArray<Turn>) => boolean): KindLaw => ({
    name,
    check: checkLaw(kind, name, scripts, holds, options.runs)
  })
  return [
    law("accepts or rejects every input of its schemas, and never throws", (turns) => decidesAll(kind, turns)),
    law("folds its log, as it is stored, to the same state at every seq", (turns) => foldsLog(kind, turns)),
    law("folds its log to the same state when its texts are erased", (turns) => foldsErasedLog(kind, turns)),
    law("gets every state back from its snapshot", (turns) => storesStates(kind, turns)),
    law("finds no fault with the changes that it decides", (turns) => run(kind, turns).faults.length === 0),
    law("leaves the states that it is given as they are", (turns) => isPure(kind, turns)),
    law("gives the pending intents of a state different ids", (turns) => hasUniqueIntents(kind, turns)),
    law("lists exactly the tags of its commands", () => listsCommands(kind))
  ]
}

const scriptsOf = (
  kind: AnyKind,
  { authors = defaultAuthors, inputsMax = 20, prelude = [] }: KindLawOptions
): Arbitrary.Arbitrary<ReadonlyArray<Turn>> => {
  const inputs: Schema.Codec<unknown, unknown> = kind.commands.size === 0
    ? kind.Answer
    : Schema.Union([kind.Command, kind.Answer])
  const turns = Arbitrary.array(
    Arbitrary.all({
      input: Arbitrary.schema(inputs),
      author: Arbitrary.map(intUpTo(authors.length - 1), (index) => authors[index] ?? authors[0]),
      seed: intUpTo(0xffff_ffff),
      elapsed: intUpTo(100_000_000)
    }),
    { maxLength: inputsMax }
  )
  const { decodeInput } = codecsFor(kind)
  const first = prelude.map((input): Turn => (
    { input: Result.getOrThrow(decodeInput(input)), author: authors[0], seed: 0, elapsed: 0 }
  ))
  return Arbitrary.map(turns, (drawn) => [...first, ...drawn])
}

const checkLaw = (
  kind: AnyKind,
  law: string,
  scripts: Arbitrary.Arbitrary<ReadonlyArray<Turn>>,
  holds: (turns: ReadonlyArray<Turn>) => boolean,
  runs: number | undefined
): Effect.Effect<void, KindLawViolation> =>
  Effect.flatMap(
    Arbitrary.checkEffect(
      scripts,
      (turns) => Effect.try({ try: () => holds(turns), catch: (error) => new ThrownError({ error }) }),
      runs === undefined ? {} : { runs }
    ),
    (result) => {
      const counterexample = Arbitrary.formatCheckFailure(result)
      return counterexample === undefined
        ? Effect.void
        : Effect.fail(new KindLawViolation({ kind: kind.name, law, counterexample }))
    }
  )

/** An exception of one of the kind's functions. */
class ThrownError extends Schema.TaggedError<ThrownError>()("ThrownError", { error: Schema.Defect() }) {}

/** Runs a script; rejected and forwarded inputs change nothing. */
const run = (kind: AnyKind, turns: ReadonlyArray<Turn>): Reached => {
  const states = [kind.initial(TopicId.make(`${kind.name}:law`))]
  const events: Array<unknown> = []
  const rejections: Array<Rejection> = []
  const faults: Array<string> = []
  let now = 1
  for (const [index, { author, elapsed, input, seed }] of turns.entries()) {
    now += elapsed
    const id = commandId(index)
    const committed = commitTexts(input, () => id, sha256)
    const decision = kind.decide(states.at(-1), committed, { id, author, now, seed })
    if (Result.isFailure(decision)) {
      rejections.push(decision.failure)
      continue
    }
    if (decision.success._tag === "Forward") continue
    const old = states.at(-1)
    for (const event of decision.success.events) {
      events.push(event)
      states.push(kind.evolve(states.at(-1), event))
    }
    faults.push(...kind.validate({ old, new: states.at(-1), events: decision.success.events }))
  }
  return { states, events, rejections, faults }
}

/** A kind whose states have lost every text. */
const forgetTexts = (kind: AnyKind): AnyKind => ({
  ...kind,
  evolve: (state, event) => eraseAll(kind.evolve(state, event))
})

const eraseAll = <T>(value: T): T => eraseTexts(value, new Set(textsIn(value).map(({ text }) => text.c)))

const decidesAll = (kind: AnyKind, turns: ReadonlyArray<Turn>): boolean =>
  [kind, forgetTexts(kind)].every((kind) => {
    const { findEventFault } = codecsFor(kind)
    const isState = Schema.is(kind.State)
    const { events, rejections, states } = run(kind, turns)
    for (const state of states) {
      kind.pending(state)
      kind.nextWake(state)
      kind.listing(state)
    }
    return events.every((event) => findEventFault(event) === undefined) && states.every((state) => isState(state)) &&
      rejections.every(({ message, rule }) => message !== "" && /^[A-Z]{3}\d+$/.test(rule))
  })

/** A value as it is read back from its JSON text. */
const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** The events of a log as their kind reads them, with or without their texts. */
const readLog = (
  kind: AnyKind,
  events: ReadonlyArray<unknown>,
  openingsIn: typeof openingsOf
): ReadonlyArray<unknown> => {
  const { readEvent } = codecsFor(kind)
  return events.map((event) => Result.getOrThrow(readEvent(kind.version, throughJson(event), openingsIn(event))))
}

const foldsLog = (kind: AnyKind, turns: ReadonlyArray<Turn>): boolean => {
  const { events, states } = run(kind, turns)
  let state = kind.initial(TopicId.make(`${kind.name}:law`))
  return readLog(kind, events, openingsOf).every((event, index) => {
    state = kind.evolve(state, event)
    return Equal.equals(state, states[index + 1])
  })
}

const foldsErasedLog = (kind: AnyKind, turns: ReadonlyArray<Turn>): boolean => {
  const { events, states } = run(kind, turns)
  const erased = fold(kind, states[0], readLog(kind, events, () => noOpenings))
  return Equal.equals(eraseAll(erased), eraseAll(states.at(-1)))
}

const storesStates = (kind: AnyKind, turns: ReadonlyArray<Turn>): boolean => {
  const { decodeState, encodeState } = codecsFor(kind)
  return run(kind, turns).states.every((state) => {
    const read = Result.getOrThrow(decodeState(throughJson(Result.getOrThrow(encodeState(state)))))
    return Equal.equals(openTexts(read, openingsOf(state)), state)
  })
}

const isPure = (kind: AnyKind, turns: ReadonlyArray<Turn>): boolean => {
  const { encodeState } = codecsFor(kind)
  const encode = (state: unknown): string => JSON.stringify(Result.getOrThrow(encodeState(state)))
  const texts: Array<string> = []
  const observed: AnyKind = {
    ...kind,
    evolve: (state, event) => {
      texts.push(encode(state))
      return kind.evolve(state, event)
    }
  }
  const { states } = run(observed, turns)
  return texts.every((text, index) => encode(states[index]) === text)
}

const hasUniqueIntents = (kind: AnyKind, turns: ReadonlyArray<Turn>): boolean =>
  run(kind, turns).states.every((state) => {
    const ids = kind.pending(state).map(({ id }) => id)
    return new Set(ids).size === ids.length
  })

/** The literal tags of a schema of tagged structs. */
const tagsIn = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  if (SchemaAST.isNever(ast)) return []
  if (SchemaAST.isUnion(ast)) return ast.types.flatMap((member) => tagsIn(member))
  const tag = SchemaAST.isObjects(ast) ? ast.propertySignatures.find(({ name }) => name === "_tag")?.type : undefined
  return tag !== undefined && SchemaAST.isLiteral(tag) ? [String(tag.literal)] : []
}

const listsCommands = (kind: AnyKind): boolean => {
  const tags = new Set(tagsIn(kind.Command.ast))
  return tags.size === kind.commands.size && [...kind.commands].every((name) => tags.has(name))
}
