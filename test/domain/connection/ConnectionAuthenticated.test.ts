import { assert, describe, it } from "@effect/vitest"
import { closeCode, mayReconnect } from "../../../src/domain/connection/CloseCode.ts"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import {
  auth,
  authenticated,
  challengeIssued,
  closeOf,
  commandReceived,
  controlReceived,
  errorOf,
  frameRejected,
  key,
  messageReceived,
  ref,
  repeat,
  requestCompleted,
  run,
  signedIn,
  topic
} from "./ConnectionFixture.ts"

describe("signed in", () => {
  it("[CON1] [TOP1] a command goes to its topic, which is then the current thread", () => {
    const { intents, state } = run([commandReceived], authenticated)
    assert.deepStrictEqual(intents, [{ _tag: "SubmitCommand", ref, topic, command: { _tag: "close_thread" } }])
    assert.strictEqual(state.thread_id, topic)
  })

  it("[CON5] a thread that is not there is no longer the current one; the rest stays", () => {
    const { state } = run([commandReceived, {
      _tag: "RequestCompleted",
      topic,
      code: "not_found",
      message: "no such thread"
    }], authenticated)
    assert.deepStrictEqual(state, {
      ...authenticated,
      error_state: { _tag: "ThreadError", message: "no such thread" }
    })
  })

  it("[CON5] a lost network keeps the session for two minutes; a normal end is no fault", () => {
    const at = 900_000
    const { intents, state } = run([{ _tag: "SocketClosed", at, code: 1006 }], authenticated)
    assert.deepStrictEqual(intents, [{ _tag: "ExtendSession", session: "s", until: at + defaults.resumeWindow }])
    assert.strictEqual(state.error_state?._tag, "NetworkError")
    assert.isNull(run([{ _tag: "SocketClosed", at, code: closeCode.normal }], authenticated).state.error_state)
    assert.deepStrictEqual(run([{ _tag: "SocketClosed", at: 0, code: 1006 }], authenticated).intents, [])
  })

  it("[CON4] the sixteenth malformed message closes, whoever sent it", () => {
    assert.strictEqual(run(repeat(15, frameRejected), authenticated).state.status._tag, "Authenticated")
    const { intents } = run(repeat(16, frameRejected), authenticated)
    assert.deepInclude(closeOf(intents), { code: closeCode.tooManyErrors })
    assert.strictEqual(errorOf(intents)?.code, "malformed")
  })

  it("[CON7] a message over the budget hears when to come again; a flood of them is closed", () => {
    const overBudget = messageReceived({ _tag: "Command", id: ref, topic, command: {} }, { wait: 600 })
    assert.deepInclude(errorOf(run([overBudget], authenticated).intents), { code: "rate_limited", retry_after_ms: 600 })
    const { intents } = run(repeat(defaults.rateStrikes + 1, overBudget), authenticated)
    assert.deepInclude(closeOf(intents), { code: closeCode.rateLimited, resume: true, retry_after_ms: 600 })
    assert.deepStrictEqual(
      run([controlReceived({ _tag: "ack", seq: 1 }, topic, { wait: 5 })], authenticated).intents,
      []
    )
  })

  it("[CON7] who asked for order has what comes behind a refused command refused, until that one comes again", () => {
    const commandId = (n: number) => CommandId.make(`8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c10${n}`)
    const command = (n: number, more = {}) =>
      messageReceived({ _tag: "Command", id: commandId(n), topic, command: {} }, more)
    const inOrder = run([
      controlReceived({ _tag: "connect", public_key: key, in_order: true }),
      challengeIssued,
      auth,
      signedIn
    ]).state
    const blocked = run([command(1, { wait: 600 })], inOrder).state
    assert.deepInclude(errorOf(run([command(2, { at: 100 })], blocked).intents), {
      code: "rate_limited",
      ref_id: commandId(2),
      retry_after_ms: 500
    })
    // Even when the time has come, and what was refused is refused once more.
    assert.deepInclude(errorOf(run([command(2, { at: 700 })], blocked).intents), { retry_after_ms: 1 })
    const still = run([command(1, { at: 600, wait: 50 })], blocked).state
    assert.deepInclude(errorOf(run([command(2, { at: 600 })], still).intents), { retry_after_ms: 50 })
    assert.deepStrictEqual(run([command(1, { at: 600 }), command(2, { at: 600 })], blocked).tags, ["SubmitCommand"])
    // Other budgets, look-ups, and people who did not ask are not held up.
    assert.deepStrictEqual(run([command(2, { budget: "command:arena" })], blocked).tags, ["SubmitCommand"])
    assert.deepStrictEqual(run([controlReceived({ _tag: "subscribe" }, topic)], blocked).tags, ["Subscribe"])
    assert.deepStrictEqual(run([command(1, { wait: 600 }), command(2)], authenticated).tags, ["SubmitCommand"])
  })

  it("[CON7] [SEC25] a command that finds too many under way holds back those behind it as well", () => {
    const inOrder = { ...authenticated, in_order: true }
    const full = run(repeat(32, commandReceived), inOrder).state
    const commandId = (n: number) => CommandId.make(`8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c20${n}`)
    const command = (n: number) => messageReceived({ _tag: "Command", id: commandId(n), topic, command: {} })
    const blocked = run([command(1), requestCompleted], full).state
    assert.strictEqual(errorOf(run([command(2)], blocked).intents)?.code, "rate_limited")
    assert.deepStrictEqual(run([command(1), requestCompleted, command(2)], blocked).tags, ["SubmitCommand"])
  })

  it("[SEC25] at most 32 requests wait for their answers", () => {
    const full = run(repeat(32, commandReceived), authenticated).state
    assert.strictEqual(errorOf(run([commandReceived], full).intents)?.code, "rate_limited")
    assert.deepStrictEqual(run([requestCompleted, commandReceived], full).tags, ["SubmitCommand"])
    assert.deepStrictEqual(run([controlReceived({ _tag: "subscribe" }, topic)], full).state.subscriptions, [])
  })

  it("[SYN12] at most 128 subscriptions; one that is there already may be asked for again", () => {
    const asked = Array.from({ length: 128 }, (_, i) => [
      controlReceived({ _tag: "subscribe" }, TopicId.make(`thread:${i}`)),
      requestCompleted
    ]).flat()
    const { state } = run(asked, authenticated)
    assert.lengthOf(state.subscriptions, 128)
    assert.strictEqual(errorOf(run([controlReceived({ _tag: "subscribe" }, topic)], state).intents)?.code, "too_large")
    assert.deepStrictEqual(run([controlReceived({ _tag: "subscribe" }, TopicId.make("thread:0"))], state).tags, [
      "Subscribe"
    ])
  })

  it("[ROO3] signals need a subscription and are small", () => {
    const signal = controlReceived({ _tag: "signal", key: "cursor", value: 1 }, topic)
    assert.strictEqual(errorOf(run([signal], authenticated).intents)?.code, "not_found")
    const subscribed = run([controlReceived({ _tag: "subscribe" }, topic)], authenticated).state
    assert.deepStrictEqual(run([signal], subscribed).tags, ["SetSignal"])
    const large = controlReceived({ _tag: "signal", key: "cursor", value: 1 }, topic, {
      bytes: defaults.signalBytes + 1
    })
    assert.strictEqual(errorOf(run([large], subscribed).intents)?.code, "too_large")
  })

  it("[CON6] the range of the code says whether a goodbye lets the client resume", () => {
    for (const code of [closeCode.restart, closeCode.replaced, closeCode.slowConsumer, closeCode.forcedOut]) {
      const { intents } = run(
        [{ _tag: "CloseRequested", code, reason: "", resume: mayReconnect(code), retry_after_ms: 0 }],
        authenticated
      )
      assert.deepInclude(closeOf(intents), { code, resume: mayReconnect(code) })
    }
  })
})
