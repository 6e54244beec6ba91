import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, DateTime, Effect, Exit, Result, Schema } from "effect"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import { roomKind } from "../../../src/domain/room/Room.ts"
import { codecsFor } from "../../../src/domain/topic/KindCodecs.ts"
import { write } from "../../../src/domain/topic/SealedText.ts"
import type { AnyKind } from "../../../src/domain/topic/Topic.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import { usage } from "../../support/RunFixture.ts"
import { sealed } from "../../support/SealedFixture.ts"

const thread = builtInKinds.get("thread")!
const completed = {
  _tag: "StepCompleted",
  prompt_id: "p",
  loop: 0,
  step: "update",
  output: { _tag: "update", reason: sealed("a secret"), loop: false, confidence: 1 },
  usage,
  at: 1,
  loops: false
}

/** A kind that accepts any number, and any value. */
const Loose = Schema.TaggedStruct("Loose", { value: Schema.Unknown })
const looseKind: AnyKind = { ...CounterKind.kind, Event: Loose as unknown as AnyKind["Event"] }

describe("KindCodecs", () => {
  it("[TOP8] an event that its schema refuses is named by kind and field, without its values", () => {
    const { findEventFault } = codecsFor(thread)
    assert.isUndefined(findEventFault(completed))
    const negative = findEventFault({ ...completed, usage: { ...usage, input_tokens: -1 } })
    assert.strictEqual(
      negative?.message,
      "this event does not fit the schema of the kind thread at usage.input_tokens: correct what makes it"
    )
    assert.strictEqual(
      findEventFault({ ...completed, output: { ...completed.output, confidence: "a secret" } })?.path,
      "output.confidence"
    )
    for (const event of [undefined, null, 5, "a secret", { _tag: "Nothing" }, []]) {
      assert.strictEqual(
        findEventFault(event)?.message,
        "this event does not fit the schema of the kind thread: correct what makes it"
      )
    }
  })

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    DateTime.toDateUtc(DateTime.makeUnsafe(0)),
    new Map([["a", 1]]),
    undefined,
    () => 1,
    1n
  ])(
    "[TOP2] an event with %s is refused: JSON would change it",
    (value) => {
      const { findEventFault } = codecsFor(looseKind)
      assert.isUndefined(findEventFault({ _tag: "Loose", value: [{ a: "JSON" }] }))
      for (const place of [value, [value], { a: value }]) {
        assert.isDefined(findEventFault({ _tag: "Loose", value: place }))
      }
    }
  )

  it("[TOP10] an event with a text that is not committed to is refused", () => {
    const { findEventFault } = codecsFor(thread)
    const reason = write("a secret")
    assert.isDefined(findEventFault({ ...completed, output: { ...completed.output, reason } }))
  })

  it("an input of the server is a command or an answer of the kind", () => {
    const { decodeAnswer, decodeInput } = codecsFor(CounterKind.kind)
    for (const input of [{ _tag: "add", n: 1 }, { _tag: "Add", n: 1 }, { _tag: "TimerFired" }]) {
      assert.deepStrictEqual(decodeInput(input), Result.succeed(input))
    }
    assert.isTrue(Result.isFailure(decodeAnswer({ _tag: "add", n: 1 })))
    for (const input of [{ _tag: "add", n: "1" }, { _tag: "Add" }, { _tag: "subtract", n: 1 }, null, 7]) {
      assert.isTrue(Result.isFailure(decodeInput(input)))
    }
  })

  for (const kind of builtInKinds.values()) {
    it.prop(
      `[TOP8] every event of a ${kind.name} may be stored, and every answer is decoded`,
      { event: Arbitrary.schema(kind.Event), answer: Arbitrary.schema(Schema.toEncoded(kind.Answer)) },
      ({ answer, event }) => {
        const { decodeAnswer, findEventFault } = codecsFor(kind)
        assert.isUndefined(findEventFault(event))
        assert.deepStrictEqual(Schema.encodeUnknownSync(kind.Answer)(Result.getOrThrow(decodeAnswer(answer))), answer)
      }
    )
  }

  const ThreadState = Schema.toCodecJson(thread.State)
  it.prop(
    "the state of a thread, which may be large, is encoded and decoded without a fiber, which takes twice the time",
    { state: Arbitrary.schema(thread.State) },
    ({ state }) => {
      const encoded = Schema.encodeUnknownEffect(ThreadState)(state)
      assert.isTrue(Exit.isExit(encoded) && Exit.isSuccess(encoded))
      assert.isTrue(Exit.isExit(Schema.decodeUnknownEffect(ThreadState)(Effect.runSync(encoded))))
    },
    { arbitrary: { runs: 20, size: 10 } }
  )

  it("a state that its schema refuses is not encoded", () => {
    const { encodeState } = codecsFor(roomKind)
    const state = roomKind.initial("room:a" as Parameters<typeof roomKind.initial>[0])
    assert.deepStrictEqual<unknown>(encodeState(state), Result.succeed({ ...state }))
    assert.isTrue(Result.isFailure(encodeState({ ...state, version: -1 })))
  })
})
