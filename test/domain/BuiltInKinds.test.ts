/** What every kind owes its host, whatever it is given. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import * as BuiltInKinds from "../../src/domain/BuiltInKinds.ts"
import { ledgerKind } from "../../src/domain/ledger/Ledger.ts"
import { ledgerAuthor } from "../../src/domain/ledger/LedgerModel.ts"
import type { Author } from "../../src/domain/protocol/Ids.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import type { AnyKind } from "../../src/domain/topic/Topic.ts"
import { commandId, topicId, userId } from "../support/TopicWorld.ts"

const authors: ReadonlyArray<Author> = [userId(0), userId(1), "system:host", ledgerAuthor]
const intUpTo = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

const scriptsOf = <A, B>(command: Schema.Codec<A, unknown>, answer: Schema.Codec<B, unknown>) =>
  Arbitrary.array(
    Arbitrary.all({
      input: Arbitrary.schema(Schema.Union([command, answer])),
      author: intUpTo(3),
      seed: intUpTo(0xffff_ffff),
      wait: intUpTo(100_000_000)
    }),
    { maxLength: 20 }
  )

const scripts = {
  thread: scriptsOf(threadKind.Command, threadKind.Answer),
  ledger: scriptsOf(ledgerKind.Command, ledgerKind.Answer),
  room: scriptsOf(roomKind.Command, roomKind.Answer)
}

interface Input {
  readonly input: unknown
  readonly author: number
  readonly seed: number
  readonly wait: number
}

/** Decides every input; a throw falsifies, and so does an event or a state that could not be stored. */
const assertDecidesSafely = (name: string, inputs: ReadonlyArray<Input>, firstCommand?: unknown) => {
  const kind: AnyKind | undefined = BuiltInKinds.builtInKinds.get(name)
  if (kind === undefined) return assert.fail(`no kind ${name}`)
  const isEvent = Schema.is(kind.Event)
  let [state, now] = [kind.initial(topicId(`${name}:x`)), 1]
  const script = firstCommand === undefined ? inputs : [{ input: firstCommand, author: 0, seed: 0, wait: 0 }, ...inputs]
  for (const [n, { author, input, seed, wait }] of script.entries()) {
    now += wait
    const decision = kind.decide(state, input, {
      id: commandId(`t${n}`),
      author: authors[author] ?? userId(0),
      now,
      seed
    })
    if (Result.isFailure(decision)) {
      assert.isNotEmpty(decision.failure.message)
      assert.match(decision.failure.rule, /^[A-Z]{3}[0-9]+$/)
      continue
    }
    if (decision.success._tag === "Forward") continue
    for (const event of decision.success.events) {
      assert.isTrue(isEvent(event))
      state = kind.evolve(state, event)
    }
    kind.pending(state)
    kind.nextWake(state)
    kind.listing(state)
  }
  assert.isTrue(Schema.is(kind.State)(state))
}

describe("Every kind", () => {
  it("[TOP8] is found by its name", () => {
    for (const [name, kind] of BuiltInKinds.builtInKinds) assert.strictEqual(kind.name, name)
    assert.deepStrictEqual([...BuiltInKinds.builtInKinds.keys()], ["thread", "ledger", "room"])
  })

  it.prop(
    "[TOP1] thread: decides whatever fits its schemas",
    { turns: scripts.thread },
    ({ turns }) => assertDecidesSafely("thread", turns, { _tag: "create_thread", name: "T" })
  )

  it.prop(
    "[TOP1] ledger: decides whatever fits its schemas",
    { turns: scripts.ledger },
    ({ turns }) => assertDecidesSafely("ledger", turns)
  )

  it.prop(
    "[TOP1] room: decides whatever fits its schemas",
    { turns: scripts.room },
    ({ turns }) => assertDecidesSafely("room", turns, { _tag: "join_room" })
  )
})
