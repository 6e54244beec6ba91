/** Commands to a kind whose `evolve` is wrong: what is refused, and why (THR8). */
import { assert } from "@effect/vitest"
import { Result } from "effect"
import { type Author, isUser } from "../../src/domain/protocol/Ids.ts"
import { decideBatch } from "../../src/domain/topic/CommandBatch.ts"
import { derive } from "../../src/domain/topic/DurableState.ts"
import { type AnyKind, type Intent, type Kind } from "../../src/domain/topic/Topic.ts"
import { commandId, topicId } from "./TopicWorld.ts"

/** A command to a topic in this state, as it is decided. */
export interface Situation<S> {
  readonly state: S
  readonly author: Author
  readonly input: unknown
}

/** What `evolve` makes of the state after the command's last event. */
export type PlantedFault<S> = (next: S, old: S) => S

/** The list with another last object. */
export const changeLast = <A>(list: ReadonlyArray<A>, change: Partial<A>): ReadonlyArray<A> => [
  ...list.slice(0, -1),
  { ...list.at(-1)!, ...change }
]

/**
 * The faults for which a batch of one command is refused when `evolve` spoils the state that its events lead to; none if
 * it is accepted. Asserts that a refused command stores nothing and leaves the state as it is.
 */
export const refusedFaults = <S, C, A, E, I extends Intent>(
  kind: Kind<S, C, A, E, I>,
  { author, input, state }: Situation<S>,
  spoil: PlantedFault<S>
): ReadonlyArray<string> => {
  let left: number | undefined
  const spoilt: AnyKind = {
    ...(kind as AnyKind),
    decide: (current, command, context) => {
      const decision = (kind as AnyKind).decide(current, command, context)
      if (Result.isSuccess(decision) && decision.success._tag === "Accept") left = decision.success.events.length
      return decision
    },
    evolve: (current, event) => {
      const next = kind.evolve(current as S, event as E)
      left = (left ?? 0) - 1
      return left === 0 ? spoil(next, state) : next
    }
  }
  const durable = { epoch: "e", seq: 5, state, ...derive(kind as AnyKind, state) }
  const commands = [{ id: commandId("spoilt"), author, input }]
  const inputs = { now: 2_000_000, seed: () => 0, past: undefined, findProcessed: () => undefined }
  const { after, decisions: [decision], drafts } = decideBatch(
    spoilt,
    topicId(`${kind.name}:t`),
    durable,
    commands,
    inputs
  )
  if (decision?._tag !== "Reply") return assert.fail("the command is forwarded")
  assert.isDefined(left, "the command makes no event")
  if (Result.isSuccess(decision.outcome)) return []
  const { code, message, rule } = decision.outcome.failure
  // The server tries its own inputs again.
  assert.deepStrictEqual([code, rule], [isUser(author) ? "rule_violated" : "internal", "THR8"], message)
  assert.deepStrictEqual([drafts, after.seq], [[], 5])
  assert.strictEqual(after.state, state)
  const [, faults] = message.split(`it would break the ${kind.name}: `)
  return faults?.split("; ") ?? []
}
