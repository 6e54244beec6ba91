/**
 * A model of several topics for property tests: hosts without storage that deliver commands, intents and answers between
 * kinds in any order, repeatedly, late or not at all.
 *
 * It uses kinds only through their interface; tests map their scripts to commands.
 */
import { Result } from "effect"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import { mainLedger } from "../../src/domain/ledger/LedgerModel.ts"
import { type Author, CommandId, kindOf, TopicId, UserId } from "../../src/domain/protocol/Ids.ts"
import { type Principal, principalOf } from "../../src/domain/protocol/Principal.ts"
import type { Rejection } from "../../src/domain/protocol/Rejection.ts"
import type { Opening } from "../../src/domain/protocol/Seal.ts"
import { isErased } from "../../src/domain/topic/Erasure.ts"
import { codecsFor } from "../../src/domain/topic/KindCodecs.ts"
import { commitTexts, openingsOf, openTexts } from "../../src/domain/topic/SealedText.ts"
import {
  type AnyKind,
  type CommandOutcome,
  fold,
  foldDecision,
  type Intent,
  type SendCommand
} from "../../src/domain/topic/Topic.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"

/** The n-th user, for n from 0 to 9. */
export const userId = (n: number): UserId => UserId.make(`${"a".repeat(41)}${n}A`)
/** A command id. */
export const commandId = (text: string): CommandId => CommandId.make(text)
/** A topic id. */
export const topicId = (text: string): TopicId => TopicId.make(text)

/** A topic with its log. */
export interface TopicInstance {
  readonly kind: AnyKind
  readonly topic: TopicId
  state: unknown
  readonly events: Array<unknown>
  /** Who each event is by. */
  readonly principals: Array<Principal>
  /** The openings of texts that stand beside the log. */
  readonly texts: Record<string, Opening>
  readonly causes: Set<CommandId>
}

/** An answer in transit to the topic that sent the command. */
interface PendingReply {
  readonly topic: TopicId
  readonly outcome: CommandOutcome
}

/** All topics, the answers in transit, and the time. */
export interface TopicWorld {
  readonly topics: Map<TopicId, TopicInstance>
  readonly replies: Array<PendingReply>
  now: number
  seed: number
  /** Called after every event. */
  readonly onEvent: (live: TopicInstance, event: unknown) => void
}

/** A world of the ledger alone, which has granted the users their tokens, as a server does when they sign in. */
export const makeTopicWorld = (onEvent: TopicWorld["onEvent"] = () => {}): TopicWorld => {
  const world: TopicWorld = { topics: new Map(), replies: [], now: 1_000_000, seed: 1, onEvent: () => {} }
  for (const user of Array.from({ length: 10 }, (_, n) => userId(n))) {
    applyCommand(world, mainLedger, commandId(`grant:${user}`), "system:server", { _tag: "Grant", user })
  }
  return { ...world, onEvent }
}

/** A topic, created on first use. */
export const getTopic = (world: TopicWorld, topic: TopicId): TopicInstance => {
  const existing = world.topics.get(topic)
  if (existing !== undefined) return existing
  const kind = builtInKinds.get(kindOf(topic))
  if (kind === undefined) throw new TypeError(`no kind for ${topic}`)
  const live: TopicInstance = {
    kind,
    topic,
    state: kind.initial(topic),
    events: [],
    principals: [],
    texts: {},
    causes: new Set()
  }
  world.topics.set(topic, live)
  return live
}

/** Applies an input as a host does, its texts as strings or seals; undefined when it is accepted or a duplicate. */
export const applyCommand = (
  world: TopicWorld,
  topic: TopicId,
  command: CommandId,
  author: Author,
  input: unknown,
  principal: Principal = principalOf(author)
): Rejection | undefined => {
  const { kind, texts } = getTopic(world, topic)
  const decoded = Result.getOrThrow(codecsFor(kind).decodeInput(input))
  return applyDecoded(
    world,
    topic,
    command,
    author,
    openTexts(commitTexts(decoded, () => command, sha256), texts),
    principal
  )
}

const applyDecoded = (
  world: TopicWorld,
  topic: TopicId,
  command: CommandId,
  author: Author,
  input: unknown,
  principal: Principal
): Rejection | undefined => {
  const live = getTopic(world, topic)
  if (live.causes.has(command)) return undefined
  world.seed = (world.seed * 1_103_515_245 + 12_345) >>> 0
  const past = new Map(
    live.kind.needs(input).flatMap((seq) => {
      const by = live.principals[seq - 1]
      return by === undefined ? [] : [[seq, { principal: by, event: openTexts(live.events[seq - 1], live.texts) }]]
    })
  )
  const context = { id: command, author, principal, now: world.now, seed: world.seed, past }
  const decision = live.kind.decide(live.state, input, context)
  if (Result.isFailure(decision)) return decision.failure
  if (decision.success._tag === "Forward") {
    const { input, topic } = decision.success
    Object.assign(live.texts, openingsOf(input))
    return applyCommand(world, topic, command, author, JSON.parse(JSON.stringify(input)), principal)
  }
  // A host would reject it (THR8); no decision of a correct kind comes to that.
  Result.getOrThrow(foldDecision(live.kind, live.state, decision.success.events))
  for (const event of decision.success.events) {
    live.causes.add(command)
    live.events.push(event)
    live.principals.push(principal)
    Object.assign(live.texts, openingsOf(event))
    if (isErased(event)) { for (const c of event.texts) delete live.texts[c] }
    live.state = live.kind.evolve(live.state, event)
    world.onEvent(live, event)
  }
  return undefined
}

const isSendCommand = (intent: Intent): intent is SendCommand => intent._tag === "SendCommand"

/** The pending intents of a topic. */
export const pendingIntents = (live: TopicInstance): ReadonlyArray<Intent> => live.kind.pending(live.state)

/** Everything deliverable now: commands to other topics, and answers in transit. */
const deliveries = (world: TopicWorld): ReadonlyArray<() => void> => [
  ...[...world.topics.values()].flatMap((live) =>
    pendingIntents(live).filter(isSendCommand).map((command) => () => {
      const rejection = applyCommand(world, command.topic, command.id, `system:${live.topic}`, command.input) ?? null
      world.replies.push({ topic: live.topic, outcome: { _tag: "CommandOutcome", id: command.id, rejection } })
    })
  ),
  ...world.replies.map((reply) => () => {
    applyCommand(world, reply.topic, commandId(`${reply.outcome.id}/answer`), "system:host", reply.outcome)
  })
]

/** Delivers one of them. Nothing is removed, so each may be delivered again. */
export const deliverOne = (world: TopicWorld, pick: number): void => {
  const pending = deliveries(world)
  pending[pick % pending.length]?.()
}

/** Loses all answers in transit, as a crash does. */
export const dropReplies = (world: TopicWorld): void => {
  world.replies.length = 0
}

/** Advances time and fires the due timers of topics. */
export const advanceTime = (world: TopicWorld, millis: number): void => {
  world.now += millis
  for (const live of world.topics.values()) {
    const nextWake = live.kind.nextWake(live.state)
    if (nextWake !== undefined && nextWake <= world.now) {
      applyCommand(world, live.topic, commandId(`wake-${world.now}-${live.events.length}`), "system:clock", {
        _tag: "TimerFired"
      })
    }
  }
}

/**
 * Delivers until no intent is pending. `handleIntent` handles intents other than commands to topics; without it they stay
 * pending. Throws when this does not terminate.
 */
export const deliverAll = (world: TopicWorld, handleIntent?: (live: TopicInstance, intent: Intent) => void): void => {
  for (let round = 0; round < 1_000; round++) {
    const outstanding = [...world.topics.values()].flatMap((live) =>
      pendingIntents(live).map((intent) => ({ live, intent }))
    )
    if (!outstanding.some(({ intent }) => handleIntent !== undefined || isSendCommand(intent))) return
    // First the commands, then their answers.
    for (const deliver of deliveries(world)) deliver()
    for (const deliver of deliveries(world)) deliver()
    dropReplies(world)
    for (const { intent, live } of outstanding) {
      if (!isSendCommand(intent)) handleIntent?.(live, intent)
    }
  }
  throw new TypeError("the topics do not reach quiescence")
}

/** The fold of a topic's events, as they are read from its log. */
export const replayState = ({ events, kind, texts, topic }: TopicInstance): unknown => {
  const { readEvent } = codecsFor(kind)
  const decoded = events.map((event) =>
    Result.getOrThrow(readEvent(kind.version, JSON.parse(JSON.stringify(event)), texts))
  )
  return fold(kind, kind.initial(topic), decoded)
}
