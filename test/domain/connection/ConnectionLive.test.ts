import { assert, describe, it } from "@effect/vitest"
import { closeCode, mayReconnect } from "../../../src/domain/connection/CloseCode.ts"
import { CommandId, TopicId } from "../../../src/domain/Ids.ts"
import { defaults } from "../../../src/domain/Limits.ts"
import {
  auth,
  closeOf,
  commands,
  drawn,
  errorOf,
  garbled,
  heard,
  key,
  live,
  ref,
  run,
  says,
  settled,
  signedIn,
  times,
  topic
} from "./OneConnection.ts"

describe("signed in", () => {
  it("[CON1] [TOP1] a command goes to its topic, which is then the current thread", () => {
    const { intents, state } = run([commands], live)
    assert.deepStrictEqual(intents, [{ _tag: "Post", ref, topic, command: { _tag: "close_thread" } }])
    assert.strictEqual(state.thread_id, topic)
  })

  it("[CON5] a thread that is not there is no longer the current one; the rest stays", () => {
    const { state } = run([commands, { _tag: "Settled", topic, code: "not_found", message: "no such thread" }], live)
    assert.deepStrictEqual(state, {
      ...live,
      error_state: { _tag: "ThreadError", message: "no such thread" }
    })
  })

  it("[CON5] a lost network keeps the session for two minutes; a normal end is no fault", () => {
    const at = 900_000
    const { intents, state } = run([{ _tag: "Dropped", at, code: 1006 }], live)
    assert.deepStrictEqual(intents, [{ _tag: "Hold", session: "s", until: at + defaults.resumeWindow }])
    assert.strictEqual(state.error_state?._tag, "NetworkError")
    assert.isNull(run([{ _tag: "Dropped", at, code: closeCode.normal }], live).state.error_state)
    assert.deepStrictEqual(run([{ _tag: "Dropped", at: 0, code: 1006 }], live).intents, [])
  })

  it("[CON4] the sixteenth malformed message closes, whoever sent it", () => {
    assert.strictEqual(run(times(15, garbled), live).state.status._tag, "Live")
    const { intents } = run(times(16, garbled), live)
    assert.deepInclude(closeOf(intents), { code: closeCode.tooManyErrors })
    assert.strictEqual(errorOf(intents)?.code, "malformed")
  })

  it("[CON7] a message over the budget hears when to come again; a flood of them is closed", () => {
    const early = heard({ _tag: "Command", id: ref, topic, command: {} }, { wait: 600 })
    assert.deepInclude(errorOf(run([early], live).intents), { code: "rate_limited", retry_after_ms: 600 })
    const { intents } = run(times(defaults.rateStrikes + 1, early), live)
    assert.deepInclude(closeOf(intents), { code: closeCode.rateLimited, resume: true, retry_after_ms: 600 })
    assert.deepStrictEqual(run([says({ _tag: "ack", seq: 1 }, topic, { wait: 5 })], live).intents, [])
  })

  it("[CON7] who asked for order has what comes behind a refused command refused, until that one comes again", () => {
    const named = (n: number) => CommandId.make(`8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c10${n}`)
    const sends = (n: number, more = {}) => heard({ _tag: "Command", id: named(n), topic, command: {} }, more)
    const inOrder = run([
      says({ _tag: "connect", public_key: key, in_order: true }),
      drawn,
      auth,
      signedIn
    ]).state
    const held = run([sends(1, { wait: 600 })], inOrder).state
    assert.deepInclude(errorOf(run([sends(2, { at: 100 })], held).intents), {
      code: "rate_limited",
      ref_id: named(2),
      retry_after_ms: 500
    })
    // Even when the time has come, and what was refused is refused once more.
    assert.deepInclude(errorOf(run([sends(2, { at: 700 })], held).intents), { retry_after_ms: 1 })
    const still = run([sends(1, { at: 600, wait: 50 })], held).state
    assert.deepInclude(errorOf(run([sends(2, { at: 600 })], still).intents), { retry_after_ms: 50 })
    assert.deepStrictEqual(run([sends(1, { at: 600 }), sends(2, { at: 600 })], held).tags, ["Post"])
    // Other budgets, look-ups, and people who did not ask are not held up.
    assert.deepStrictEqual(run([sends(2, { budget: "command:arena" })], held).tags, ["Post"])
    assert.deepStrictEqual(run([says({ _tag: "subscribe" }, topic)], held).tags, ["Subscribe"])
    assert.deepStrictEqual(run([sends(1, { wait: 600 }), sends(2)], live).tags, ["Post"])
  })

  it("[CON7] [SEC25] a command that finds too many under way holds back those behind it as well", () => {
    const inOrder = { ...live, in_order: true }
    const full = run(times(32, commands), inOrder).state
    const named = (n: number) => CommandId.make(`8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c20${n}`)
    const sends = (n: number) => heard({ _tag: "Command", id: named(n), topic, command: {} })
    const held = run([sends(1), settled], full).state
    assert.strictEqual(errorOf(run([sends(2)], held).intents)?.code, "rate_limited")
    assert.deepStrictEqual(run([sends(1), settled, sends(2)], held).tags, ["Post"])
  })

  it("[SEC25] at most 32 requests wait for their answers", () => {
    const full = run(times(32, commands), live).state
    assert.strictEqual(errorOf(run([commands], full).intents)?.code, "rate_limited")
    assert.deepStrictEqual(run([settled, commands], full).tags, ["Post"])
    assert.deepStrictEqual(run([says({ _tag: "subscribe" }, topic)], full).state.subscriptions, [])
  })

  it("[SYN12] at most 128 subscriptions; one that is there already may be asked for again", () => {
    const asked = Array.from({ length: 128 }, (_, i) => [
      says({ _tag: "subscribe" }, TopicId.make(`thread:${i}`)),
      settled
    ]).flat()
    const { state } = run(asked, live)
    assert.lengthOf(state.subscriptions, 128)
    assert.strictEqual(errorOf(run([says({ _tag: "subscribe" }, topic)], state).intents)?.code, "too_large")
    assert.deepStrictEqual(run([says({ _tag: "subscribe" }, TopicId.make("thread:0"))], state).tags, ["Subscribe"])
  })

  it("[ROO3] signals need a subscription and are small", () => {
    const signal = says({ _tag: "signal", key: "cursor", value: 1 }, topic)
    assert.strictEqual(errorOf(run([signal], live).intents)?.code, "not_found")
    const subscribed = run([says({ _tag: "subscribe" }, topic)], live).state
    assert.deepStrictEqual(run([signal], subscribed).tags, ["Signal"])
    const large = says({ _tag: "signal", key: "cursor", value: 1 }, topic, { bytes: defaults.signalBytes + 1 })
    assert.strictEqual(errorOf(run([large], subscribed).intents)?.code, "too_large")
  })

  it("[CON6] the range of the code says whether a goodbye lets the client resume", () => {
    for (const code of [closeCode.restart, closeCode.replaced, closeCode.slowConsumer, closeCode.forcedOut]) {
      const { intents } = run(
        [{ _tag: "Ended", code, reason: "", resume: mayReconnect(code), retry_after_ms: 0 }],
        live
      )
      assert.deepInclude(closeOf(intents), { code, resume: mayReconnect(code) })
    }
  })
})
