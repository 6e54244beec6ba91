/**
 * A world of topics for properties: hosts without storage that carry commands,
 * intents and answers between kinds in any order, twice, late or not at all.
 *
 * Knows kinds only through their interface; what a script says is mapped to
 * commands by whoever runs it.
 */
import { Result } from "effect"
import { type Author, CommandId, kindOf, TopicId, UserId } from "../../src/domain/Ids.ts"
import { shipped } from "../../src/domain/kinds/Kinds.ts"
import type { Rejection } from "../../src/domain/Rejection.ts"
import { type AnyKind, fold, type Intent, type Tell, type Told } from "../../src/domain/Topic.ts"

/** The n-th of a few people. */
export const user = (n: number): UserId => UserId.make(`${"a".repeat(41)}${n}A`)
export const id = (text: string): CommandId => CommandId.make(text)
export const topic = (text: string): TopicId => TopicId.make(text)

/** A topic as its host holds it. */
export interface Live {
  readonly kind: AnyKind
  readonly topic: TopicId
  state: unknown
  readonly events: Array<unknown>
  readonly causes: Set<CommandId>
}

/** An answer on its way back. */
interface Reply {
  readonly topic: TopicId
  readonly told: Told
}

export interface World {
  readonly topics: Map<TopicId, Live>
  readonly replies: Array<Reply>
  now: number
  seed: number
  /** Called after every event. */
  readonly onEvent: (live: Live, event: unknown) => void
}

export const makeWorld = (onEvent: World["onEvent"] = () => {}): World => ({
  topics: new Map(),
  replies: [],
  now: 1_000_000,
  seed: 1,
  onEvent
})

export const at = (world: World, topic: TopicId): Live => {
  const found = world.topics.get(topic)
  if (found !== undefined) return found
  const kind = shipped.get(kindOf(topic))
  if (kind === undefined) throw new TypeError(`no kind for ${topic}`)
  const live: Live = { kind, topic, state: kind.initial(topic), events: [], causes: new Set() }
  world.topics.set(topic, live)
  return live
}

/** What a host does with one input; undefined when it was accepted, now or before. */
export const put = (
  world: World,
  topic: TopicId,
  command: CommandId,
  author: Author,
  input: unknown
): Rejection | undefined => {
  const live = at(world, topic)
  if (live.causes.has(command)) return undefined
  world.seed = (world.seed * 1_103_515_245 + 12_345) >>> 0
  const decision = live.kind.decide(live.state, input, { id: command, author, now: world.now, seed: world.seed })
  if (Result.isFailure(decision)) return decision.failure
  if (decision.success._tag === "Forward") {
    return put(world, decision.success.topic, command, author, decision.success.input)
  }
  for (const event of decision.success.events) {
    live.causes.add(command)
    live.events.push(event)
    live.state = live.kind.evolve(live.state, event)
    world.onEvent(live, event)
  }
  return undefined
}

const isTell = (intent: Intent): intent is Tell => intent._tag === "Tell"

export const pending = (live: Live): ReadonlyArray<Intent> => live.kind.pending(live.state)

/** Everything that could be carried now: tells that are owed, and answers under way. */
const carriable = (world: World): ReadonlyArray<() => void> => [
  ...[...world.topics.values()].flatMap((live) =>
    pending(live).filter(isTell).map((tell) => () => {
      const rejection = put(world, tell.topic, tell.id, `system:${live.topic}`, tell.input) ?? null
      world.replies.push({ topic: live.topic, told: { _tag: "Told", id: tell.id, rejection } })
    })
  ),
  ...world.replies.map((reply) => () => {
    put(world, reply.topic, id(`${reply.told.id}/answer`), "system:host", reply.told)
  })
]

/** Carries one of the things under way. Nothing is taken off: whatever was carried may be carried again. */
export const carry = (world: World, pick: number): void => {
  const all = carriable(world)
  all[pick % all.length]?.()
}

/** All answers under way are lost, as when a server dies. */
export const crash = (world: World): void => {
  world.replies.length = 0
}

/** Time passes, and every topic whose time has come is woken. */
export const pass = (world: World, millis: number): void => {
  world.now += millis
  for (const live of world.topics.values()) {
    const due = live.kind.nextWake(live.state)
    if (due !== undefined && due <= world.now) {
      put(world, live.topic, id(`wake-${world.now}-${live.events.length}`), "system:clock", { _tag: "Woke" })
    }
  }
}

/**
 * Carries until nobody owes anything. `perform` answers what is not a tell; without it that stays owed. Fails when
 * there is no end to it.
 */
export const drain = (world: World, perform?: (live: Live, intent: Intent) => void): void => {
  for (let round = 0; round < 1_000; round++) {
    const owed = [...world.topics.values()].flatMap((live) => pending(live).map((intent) => ({ live, intent })))
    if (!owed.some(({ intent }) => perform !== undefined || isTell(intent))) return
    // The tells, then the answers they brought.
    for (const carried of carriable(world)) carried()
    for (const carried of carriable(world)) carried()
    crash(world)
    for (const { intent, live } of owed) {
      if (!isTell(intent)) perform?.(live, intent)
    }
  }
  throw new TypeError("the world does not come to rest")
}

/** The state as the log says it, from the events as they are stored. */
export const refold = (live: Live): unknown =>
  fold(live.kind, live.kind.initial(live.topic), JSON.parse(JSON.stringify(live.events)))
