/** What every kind owes its host, whatever it is given. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import type { Author } from "../../../src/domain/Ids.ts"
import * as Kinds from "../../../src/domain/kinds/Kinds.ts"
import * as Ledger from "../../../src/domain/kinds/LedgerModel.ts"
import * as Room from "../../../src/domain/kinds/RoomModel.ts"
import * as Thread from "../../../src/domain/kinds/ThreadModel.ts"
import type { AnyKind } from "../../../src/domain/Topic.ts"
import { id, topic, user } from "../../support/scripts.ts"

const authors: ReadonlyArray<Author> = [user(0), user(1), "system:host", Ledger.ledgerAuthor]
const some = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

const scriptsOf = <A, B>(command: Schema.Codec<A, unknown>, answer: Schema.Codec<B, unknown>) =>
  Arbitrary.array(
    Arbitrary.all({
      input: Arbitrary.schema(Schema.Union([command, answer])),
      author: some(3),
      seed: some(0xffff_ffff),
      wait: some(100_000_000)
    }),
    { maxLength: 20 }
  )

const scripts = {
  thread: scriptsOf(Thread.Command, Thread.Answer),
  ledger: scriptsOf(Ledger.Answer, Ledger.Answer),
  room: scriptsOf(Room.Command, Room.Answer)
}

interface Turn {
  readonly input: unknown
  readonly author: number
  readonly seed: number
  readonly wait: number
}

/** Decides every input; a throw falsifies, and so does an event or a state that could not be stored. */
const survives = (name: string, turns: ReadonlyArray<Turn>, first?: unknown) => {
  const kind: AnyKind | undefined = Kinds.shipped.get(name)
  if (kind === undefined) return assert.fail(`no kind ${name}`)
  const isEvent = Schema.is(kind.Event)
  let [state, now] = [kind.initial(topic(`${name}:x`)), 1]
  const script = first === undefined ? turns : [{ input: first, author: 0, seed: 0, wait: 0 }, ...turns]
  for (const [n, { author, input, seed, wait }] of script.entries()) {
    now += wait
    const decision = kind.decide(state, input, { id: id(`t${n}`), author: authors[author] ?? user(0), now, seed })
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
    for (const [name, kind] of Kinds.shipped) assert.strictEqual(kind.name, name)
    assert.deepStrictEqual([...Kinds.shipped.keys()], ["thread", "ledger", "room"])
  })

  it.prop(
    "[TOP1] thread: decides whatever fits its schemas",
    { turns: scripts.thread },
    ({ turns }) => survives("thread", turns, { _tag: "create_thread", name: "T" })
  )

  it.prop(
    "[TOP1] ledger: decides whatever fits its schemas",
    { turns: scripts.ledger },
    ({ turns }) => survives("ledger", turns)
  )

  it.prop(
    "[TOP1] room: decides whatever fits its schemas",
    { turns: scripts.room },
    ({ turns }) => survives("room", turns, { _tag: "join_room" })
  )
})
