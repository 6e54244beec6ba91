/**
 * A world of topics for properties: hosts without storage that carry commands,
 * intents and answers between kinds in any order, twice, late or not at all.
 *
 * Knows kinds only through their interface; what a script says is mapped to
 * commands by whoever runs it.
 */
import { Result } from "effect"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import { type Author, CommandId, kindOf, TopicId, UserId } from "../../src/domain/protocol/Ids.ts"
import type { Rejection } from "../../src/domain/protocol/Rejection.ts"
import { type AnyKind, type CommandOutcome, fold, type Intent, type SendCommand } from "../../src/domain/topic/Topic.ts"

/** The n-th of a few people. */
export const userId = (n: number): UserId => UserId.make(`${"a".repeat(41)}${n}A`)
export const commandId = (text: string): CommandId => CommandId.make(text)
export const topicId = (text: string): TopicId => TopicId.make(text)

/** A topic as its host holds it. */
export interface TopicInstance {
  readonly kind: AnyKind
  readonly topic: TopicId
  state: unknown
  readonly events: Array<unknown>
  readonly causes: Set<CommandId>
}

/** An answer on its way back. */
interface PendingReply {
  readonly topic: TopicId
  readonly told: CommandOutcome
}

export interface TopicWorld {
  readonly topics: Map<TopicId, TopicInstance>
  readonly replies: Array<PendingReply>
  now: number
  seed: number
  /** Called after every event. */
  readonly onEvent: (live: TopicInstance, event: unknown) => void
}

export const makeTopicWorld = (onEvent: TopicWorld["onEvent"] = () => {}): TopicWorld => ({
  topics: new Map(),
  replies: [],
  now: 1_000_000,
  seed: 1,
  onEvent
})

export const getTopic = (world: TopicWorld, topic: TopicId): TopicInstance => {
  const existing = world.topics.get(topic)
  if (existing !== undefined) return existing
  const kind = builtInKinds.get(kindOf(topic))
  if (kind === undefined) throw new TypeError(`no kind for ${topic}`)
  const live: TopicInstance = { kind, topic, state: kind.initial(topic), events: [], causes: new Set() }
  world.topics.set(topic, live)
  return live
}

/** What a host does with one input; undefined when it was accepted, now or before. */
export const applyCommand = (
  world: TopicWorld,
  topic: TopicId,
  command: CommandId,
  author: Author,
  input: unknown
): Rejection | undefined => {
  const live = getTopic(world, topic)
  if (live.causes.has(command)) return undefined
  world.seed = (world.seed * 1_103_515_245 + 12_345) >>> 0
  const decision = live.kind.decide(live.state, input, { id: command, author, now: world.now, seed: world.seed })
  if (Result.isFailure(decision)) return decision.failure
  if (decision.success._tag === "Forward") {
    return applyCommand(world, decision.success.topic, command, author, decision.success.input)
  }
  for (const event of decision.success.events) {
    live.causes.add(command)
    live.events.push(event)
    live.state = live.kind.evolve(live.state, event)
    world.onEvent(live, event)
  }
  return undefined
}

const isSendCommand = (intent: Intent): intent is SendCommand => intent._tag === "Tell"

export const pendingIntents = (live: TopicInstance): ReadonlyArray<Intent> => live.kind.pending(live.state)

/** Everything that could be carried now: tells that are owed, and answers under way. */
const deliveries = (world: TopicWorld): ReadonlyArray<() => void> => [
  ...[...world.topics.values()].flatMap((live) =>
    pendingIntents(live).filter(isSendCommand).map((command) => () => {
      const rejection = applyCommand(world, command.topic, command.id, `system:${live.topic}`, command.input) ?? null
      world.replies.push({ topic: live.topic, told: { _tag: "Told", id: command.id, rejection } })
    })
  ),
  ...world.replies.map((reply) => () => {
    applyCommand(world, reply.topic, commandId(`${reply.told.id}/answer`), "system:host", reply.told)
  })
]

/** Carries one of the things under way. Nothing is taken off: whatever was carried may be carried again. */
export const deliverOne = (world: TopicWorld, pick: number): void => {
  const pending = deliveries(world)
  pending[pick % pending.length]?.()
}

/** All answers under way are lost, as when a server dies. */
export const dropReplies = (world: TopicWorld): void => {
  world.replies.length = 0
}

/** Time passes, and every topic whose time has come is woken. */
export const advanceTime = (world: TopicWorld, millis: number): void => {
  world.now += millis
  for (const live of world.topics.values()) {
    const nextWake = live.kind.nextWake(live.state)
    if (nextWake !== undefined && nextWake <= world.now) {
      applyCommand(world, live.topic, commandId(`wake-${world.now}-${live.events.length}`), "system:clock", {
        _tag: "Woke"
      })
    }
  }
}

/**
 * Carries until nobody owes anything. `perform` answers what is not a tell; without it that stays owed. Fails when
 * there is no end to it.
 */
export const deliverAll = (world: TopicWorld, handleIntent?: (live: TopicInstance, intent: Intent) => void): void => {
  for (let round = 0; round < 1_000; round++) {
    const outstanding = [...world.topics.values()].flatMap((live) =>
      pendingIntents(live).map((intent) => ({ live, intent }))
    )
    if (!outstanding.some(({ intent }) => handleIntent !== undefined || isSendCommand(intent))) return
    // The tells, then the answers they brought.
    for (const deliver of deliveries(world)) deliver()
    for (const carried of deliveries(world)) carried()
    dropReplies(world)
    for (const { intent, live } of outstanding) {
      if (!isSendCommand(intent)) handleIntent?.(live, intent)
    }
  }
  throw new TypeError("the world does not come to rest")
}

/** The state as the log says it, from the events as they are stored. */
export const replayState = (live: TopicInstance): unknown =>
  fold(live.kind, live.kind.initial(live.topic), JSON.parse(JSON.stringify(live.events)))
