import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { closeCode, mayReconnect } from "../../../src/domain/connection/CloseCode.ts"
import type * as Connection from "../../../src/domain/connection/Connection.ts"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import { StateHash } from "../../../src/domain/protocol/StateHash.ts"
import {
  auth,
  authenticated,
  challengeIssued,
  closeOf,
  commandReceived,
  controlReceived,
  emptyCommand,
  errorOf,
  frameRejected,
  key,
  ref,
  repeat,
  requestCompleted,
  run,
  signedIn,
  topic
} from "./ConnectionFixture.ts"

describe("an authenticated connection", () => {
  it("[CON1] a command is submitted to its topic, which becomes the current thread", () => {
    const { intents, state } = run([commandReceived], authenticated)
    assert.deepStrictEqual(intents, [{
      _tag: "SubmitCommand",
      ref,
      topic,
      command: { _tag: "close_thread" },
      timestamp: 0
    }])
    assert.strictEqual(state.thread_id, topic)
  })

  it("[CON5] a ThreadError resets the current thread, and nothing else", () => {
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

  it("[CON5] other errors, and those of another topic, leave the current thread", () => {
    const completed = (code: "rate_limited" | "not_found" | null, of: TopicId) =>
      run([commandReceived, { _tag: "RequestCompleted", topic: of, code, message: "no" }], authenticated).state
    for (const code of ["rate_limited", null] as const) {
      assert.deepStrictEqual(completed(code, topic), { ...authenticated, thread_id: topic })
    }
    assert.deepInclude(completed("not_found", TopicId.make("thread:b")), { thread_id: topic, in_flight: 0 })
  })

  it("[CON5] a NetworkError holds the session for two minutes; a normal close is no error", () => {
    const at = 900_000
    const { intents, state } = run([{ _tag: "SocketClosed", at, code: 1006 }], authenticated)
    assert.deepStrictEqual(intents, [{ _tag: "ExtendSession", session: "s", until: at + defaults.resumeWindow }])
    assert.strictEqual(state.error_state?._tag, "NetworkError")
    assert.isNull(run([{ _tag: "SocketClosed", at, code: closeCode.normal }], authenticated).state.error_state)
    assert.deepStrictEqual(run([{ _tag: "SocketClosed", at: 0, code: 1006 }], authenticated).intents, [])
  })

  it("[CON4] a malformed message is answered and changes nothing else; the sixteenth closes the connection", () => {
    assert.strictEqual(run(repeat(15, frameRejected), authenticated).state.status._tag, "Authenticated")
    const { intents } = run(repeat(16, frameRejected), authenticated)
    assert.deepInclude(closeOf(intents), { code: closeCode.tooManyErrors })
    assert.strictEqual(errorOf(intents)?.code, "malformed")
  })

  it("[CON7] a message over the budget is answered with the time to retry; an acknowledgement is ignored", () => {
    const overBudget = emptyCommand(ref, { wait: 600 })
    assert.deepInclude(errorOf(run([overBudget], authenticated).intents), { code: "rate_limited", retry_after_ms: 600 })
    assert.deepStrictEqual(
      run([controlReceived({ _tag: "ack", seq: 1 }, topic, { wait: 5 })], authenticated).intents,
      []
    )
  })

  it("[CON7] with in_order, commands behind a rejected one of the same budget are rejected until it is accepted", () => {
    const commandId = (n: number) => CommandId.make(`8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c10${n}`)
    const command = (n: number, more = {}) => emptyCommand(commandId(n), more)
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
    // Also when the time has come, and when the rejected command is rejected again.
    assert.deepInclude(errorOf(run([command(2, { at: 700 })], blocked).intents), { retry_after_ms: 1 })
    const still = run([command(1, { at: 600, wait: 50 })], blocked).state
    assert.deepInclude(errorOf(run([command(2, { at: 600 })], still).intents), { retry_after_ms: 50 })
    assert.deepStrictEqual(run([command(1, { at: 600 }), command(2, { at: 600 })], blocked).tags, ["SubmitCommand"])
    // Other budgets, reads, and connections without `in_order` are not blocked.
    assert.deepStrictEqual(run([command(2, { budget: "command:arena" })], blocked).tags, ["SubmitCommand"])
    assert.deepStrictEqual(run([controlReceived({ _tag: "subscribe" }, topic)], blocked).tags, ["Subscribe"])
    assert.deepStrictEqual(run([command(1, { wait: 600 }), command(2)], authenticated).tags, ["SubmitCommand"])
  })

  it.prop(
    "[CON7] with in_order no command overtakes another, whichever are rejected, and all are accepted in the end",
    {
      rounds: Arbitrary.array(Arbitrary.array(Arbitrary.schema(Schema.Literals([0, 0, 0, 5])), { maxLength: 6 }), {
        maxLength: 8
      })
    },
    ({ rounds }) => {
      const ids = Array.from({ length: 6 }, (_, n) => CommandId.make(`8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c30${n}`))
      const accepted: Array<CommandId> = []
      let state: Connection.ConnectionState = { ...authenticated, in_order: true }
      // In each round the client sends what was not accepted, in order.
      for (const [at, waits] of [...rounds, []].entries()) {
        for (const [n, id] of ids.filter((id) => !accepted.includes(id)).entries()) {
          const command = emptyCommand(id, { at, wait: waits[n] ?? 0 })
          const step = run([command], state)
          state = step.state
          if (!step.tags.includes("SubmitCommand")) continue
          accepted.push(id)
          state = run([requestCompleted], state).state
        }
      }
      assert.deepStrictEqual(accepted, ids)
    }
  )

  it("[CON7] [SEC25] a command that exceeds the requests in flight blocks those behind it as well", () => {
    const inOrder = { ...authenticated, in_order: true }
    const full = run(repeat(32, commandReceived), inOrder).state
    const commandId = (n: number) => CommandId.make(`8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c20${n}`)
    const command = (n: number) => emptyCommand(commandId(n))
    const blocked = run([command(1), requestCompleted], full).state
    assert.strictEqual(errorOf(run([command(2)], blocked).intents)?.code, "rate_limited")
    assert.deepStrictEqual(run([command(1), requestCompleted, command(2)], blocked).tags, ["SubmitCommand"])
  })

  it("[SEC25] at most 32 requests are in flight", () => {
    const full = run(repeat(32, commandReceived), authenticated).state
    assert.strictEqual(errorOf(run([commandReceived], full).intents)?.code, "rate_limited")
    assert.deepStrictEqual(run([requestCompleted, commandReceived], full).tags, ["SubmitCommand"])
    assert.deepStrictEqual(run([controlReceived({ _tag: "subscribe" }, topic)], full).state.subscriptions, [])
  })

  it("[SYN12] a connection has at most 128 subscriptions; an existing one may be requested again", () => {
    const subscriptions = Array.from({ length: 128 }, (_, i) => [
      controlReceived({ _tag: "subscribe" }, TopicId.make(`thread:${i}`)),
      requestCompleted
    ]).flat()
    const { state } = run(subscriptions, authenticated)
    assert.lengthOf(state.subscriptions, 128)
    assert.strictEqual(errorOf(run([controlReceived({ _tag: "subscribe" }, topic)], state).intents)?.code, "too_large")
    assert.deepStrictEqual(run([controlReceived({ _tag: "subscribe" }, TopicId.make("thread:0"))], state).tags, [
      "Subscribe"
    ])
  })

  it("[ROO3] a signal has at most 4 KB", () => {
    const signal = controlReceived({ _tag: "signal", key: "cursor", value: 1 }, topic)
    const subscribed = run([controlReceived({ _tag: "subscribe" }, topic)], authenticated).state
    assert.deepStrictEqual(run([signal], subscribed).tags, ["SetSignal"])
    const large = controlReceived({ _tag: "signal", key: "cursor", value: 1 }, topic, {
      bytes: defaults.signalBytes + 1
    })
    assert.strictEqual(errorOf(run([large], subscribed).intents)?.code, "too_large")
  })

  it("[SEC11] only a subscriber sets signals in a topic", () => {
    const signal = controlReceived({ _tag: "signal", key: "cursor", value: 1 }, topic)
    const { intents, state } = run([signal], authenticated)
    assert.strictEqual(errorOf(intents)?.code, "not_found")
    assert.deepStrictEqual(state, authenticated)
    const revoked = run(
      [controlReceived({ _tag: "subscribe" }, topic), { _tag: "Unsubscribed", topic }],
      authenticated
    ).state
    assert.strictEqual(errorOf(run([signal], revoked).intents)?.code, "not_found")
  })

  it("[SEC9] acknowledgements, desync reports and signals reach only topics that the connection subscribed to", () => {
    const hash = StateHash.make("0123456789abcdef")
    const messages = [
      controlReceived({ _tag: "ack", seq: 1 }, topic),
      controlReceived({ _tag: "desync", seq: 1, expected: hash, found: hash }, topic),
      controlReceived({ _tag: "signal", key: "cursor", value: 1 }, topic)
    ]
    for (const message of messages) {
      assert.isEmpty(run([message], authenticated).tags.filter((tag) => tag !== "SendReply"))
      const subscribed = run([controlReceived({ _tag: "subscribe" }, topic)], authenticated).state
      assert.include(["Acknowledge", "RecordDesync", "SetSignal"], run([message], subscribed).tags[0])
    }
  })

  it("[SYN6] an acknowledgement of a subscribed topic is recorded with the hashes that it confirms", () => {
    const subscribed = run([controlReceived({ _tag: "subscribe" }, topic)], authenticated).state
    assert.deepStrictEqual(run([controlReceived({ _tag: "ack", seq: 7, matches: 2 }, topic)], subscribed).intents, [
      { _tag: "Acknowledge", topic, seq: 7, matches: 2 }
    ])
    assert.deepStrictEqual(run([controlReceived({ _tag: "ack", seq: 7 }, topic)], subscribed).intents, [
      { _tag: "Acknowledge", topic, seq: 7, matches: 0 }
    ])
  })

  it("[SEC25] more than 64 rejections in a row close the connection with 4429; an accepted message resets the count", () => {
    const overBudget = emptyCommand(ref, { wait: 600 })
    const beat = controlReceived({ _tag: "heartbeat" })
    const { intents } = run(repeat(defaults.rateStrikes + 1, overBudget), authenticated)
    assert.deepInclude(closeOf(intents), { code: closeCode.rateLimited, resume: true, retry_after_ms: 600 })
    const strikes = repeat(defaults.rateStrikes, overBudget)
    assert.strictEqual(run([...strikes, beat, ...strikes], authenticated).state.status._tag, "Authenticated")
  })

  it("[SEC8] a command carries no author: the connection's user is the only identity", () => {
    const { intents, state } = run([commandReceived], authenticated)
    assert.deepStrictEqual(Object.keys(intents[0]!).toSorted(), ["_tag", "command", "ref", "timestamp", "topic"])
    assert.strictEqual(state.user, key)
  })

  it("[SEC7] a revoked session leaves its topics, then closes with a code that is not resumable", () => {
    const subscribed = run([controlReceived({ _tag: "subscribe" }, topic)], authenticated).state
    const code = closeCode.forcedOut
    const { intents, state, tags } = run(
      [{ _tag: "CloseRequested", code, reason: "revoked", resume: mayReconnect(code), retry_after_ms: 0 }],
      subscribed
    )
    assert.deepStrictEqual(tags, ["Unsubscribe", "Close"])
    assert.deepInclude(closeOf(intents), { code, resume: false })
    assert.deepStrictEqual(state.subscriptions, [])
  })

  it("[AUT2] a renewed session has a later expiry, and renews the token that is shown", () => {
    const { state } = run([{ _tag: "SessionRenewed", expires_at: 5_000_000 }], authenticated)
    assert.deepStrictEqual(state.status, { _tag: "Authenticated", session: "s", expires_at: 5_000_000 })
    assert.deepStrictEqual(run([controlReceived({ _tag: "renew", session_token: "token" })], state).intents, [
      { _tag: "RenewSession", ref, session: "s", token: "token" }
    ])
  })

  it("[CON6] goodbye permits to resume exactly for the resumable close codes", () => {
    for (const code of [closeCode.restart, closeCode.replaced, closeCode.slowConsumer, closeCode.forcedOut]) {
      const { intents } = run(
        [{ _tag: "CloseRequested", code, reason: "", resume: mayReconnect(code), retry_after_ms: 0 }],
        authenticated
      )
      assert.deepInclude(closeOf(intents), { code, resume: mayReconnect(code) })
    }
  })
})
