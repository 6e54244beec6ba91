import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { closeCode, mayReconnect } from "../../src/domain/CloseCode.ts"
import * as Connection from "../../src/domain/Connection.ts"
import { CommandId, ConnectionId, TopicId, UserId } from "../../src/domain/Ids.ts"
import type { Incoming } from "../../src/domain/Incoming.ts"
import { defaults } from "../../src/domain/Limits.ts"
import type { Control } from "../../src/domain/Protocol.ts"

const key = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const topic = TopicId.make("thread:a")
const ref = CommandId.make("8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c001")
const challenge = { nonce: "n", audience: "a", origin: "", connection_id: "c1", issued_at: 0, expires_at: 60_000 }
const fresh = Connection.open(ConnectionId.make("c1"), 0)

type Message = Connection.Message

const heard = (
  incoming: Incoming,
  more: { at?: number; bytes?: number; budget?: string; wait?: number } = {}
): Message => ({
  _tag: "Heard",
  at: 0,
  bytes: 100,
  budget: "command",
  wait: 0,
  incoming,
  ...more
})
const says = (control: Control, on: TopicId | null = null, more = {}) =>
  heard({ _tag: "Control", id: ref, control, topic: on }, more)
const commands = heard({ _tag: "Command", id: ref, topic, command: { _tag: "close_thread" } })
const connect = says({ _tag: "connect", public_key: key })
const drawn: Message = { _tag: "Drawn", ref, public_key: key, challenge }
const auth = says({ _tag: "auth", signature: "A".repeat(86) })
const signedIn: Message = { _tag: "SignedIn", at: 0, ref, user: key, session: "s", expires_at: 900_000 }
const garbled: Message = { _tag: "Garbled", at: 0, bytes: 10, id: null, code: "malformed", message: "no" }
const settled: Message = { _tag: "Settled", topic, code: null, message: "" }

const run = (messages: ReadonlyArray<Message>, from = fresh) => {
  let state = from
  let intents: ReadonlyArray<Connection.Intent> = []
  for (const message of messages) [state, intents] = Connection.step(state, message)
  return { state, intents, tags: intents.map(({ _tag }) => _tag) }
}

const live = run([connect, drawn, auth, signedIn]).state
const times = <A>(n: number, value: A) => Array<A>(n).fill(value)

const errorOf = (intents: ReadonlyArray<Connection.Intent>) => {
  const said = intents.find((intent) => intent._tag === "Answer")
  return said?._tag === "Answer" && said.message._tag === "error" ? said.message : undefined
}
const closeOf = (intents: ReadonlyArray<Connection.Intent>) => intents.find((intent) => intent._tag === "Close")

describe("signing in", () => {
  it("[AUT1] connect asks for a challenge, auth for its check, and a proven key is welcome", () => {
    assert.deepStrictEqual(run([connect]).intents, [{ _tag: "Draw", ref, public_key: key }])
    assert.deepStrictEqual(run([connect, drawn]).tags, ["Answer"])
    assert.deepStrictEqual(run([connect, drawn, auth]).intents, [
      { _tag: "Verify", ref, challenge, public_key: key, signature: "A".repeat(86) }
    ])
    assert.deepStrictEqual(run([connect, drawn, auth, signedIn]).intents, [{ _tag: "Welcome", ref, user: key }])
    assert.deepInclude(live, { user: key, status: { _tag: "Live", session: "s", expires_at: 900_000 } })
  })

  it("[AUT1] [SEC2] a challenge is used up by the first try, and too old after a minute", () => {
    const refused: Message = { _tag: "AuthRefused", at: 0, ref, code: "auth_failed", message: "no" }
    assert.strictEqual(errorOf(run([connect, drawn, auth, refused, auth]).intents)?.code, "auth_failed")
    const late = says({ _tag: "auth", signature: "A".repeat(86) }, null, { at: 60_000 })
    assert.deepStrictEqual(run([connect, drawn, late]).tags, ["Answer"])
    // The key is as good as before: whoever took too long, or saw the clock jump, is told to come again (seed 60304).
    const early = says({ _tag: "auth", signature: "A".repeat(86) }, null, { at: -3_000 })
    for (const stale of [late, early]) {
      assert.deepInclude(errorOf(run([connect, drawn, stale]).intents), { code: "auth_failed", retry_after_ms: 1_000 })
    }
  })

  it("[SEC26] five failures shut the door, and a malformed signature is not even checked", () => {
    const bad = says({ _tag: "auth", signature: "A" })
    const { intents, state } = run(times(defaults.authTries, bad))
    assert.strictEqual(state.status._tag, "Closed")
    assert.deepInclude(closeOf(intents), { code: closeCode.unauthenticated, resume: false })
    assert.notInclude(run([connect, drawn, bad]).tags, "Verify")
  })

  it("[SEC4] a key of small order gets no challenge", () => {
    const weak = UserId.make(Buffer.alloc(32).toString("base64url"))
    assert.strictEqual(errorOf(run([says({ _tag: "connect", public_key: weak })]).intents)?.code, "auth_failed")
  })

  it.each([
    { at: defaults.authTimeout - 1, status: "Open" },
    { at: defaults.authTimeout, status: "Closed" }
  ])("[AUT3] silence for $at ms leaves it $status", ({ at, status }) => {
    assert.strictEqual(run([{ _tag: "Ticked", at }]).state.status._tag, status)
  })

  it("[AUT3] more than sixteen frames, or 64 KB, close it", () => {
    const beat = says({ _tag: "heartbeat" })
    assert.strictEqual(run(times(16, beat)).state.status._tag, "Open")
    assert.strictEqual(run(times(17, beat)).state.status._tag, "Closed")
    assert.strictEqual(run([says({ _tag: "heartbeat" }, null, { bytes: 65_537 })]).state.status._tag, "Closed")
  })

  it("[AUT2] sign-out revokes the session and leaves a connection that may sign in again", () => {
    const subscribed = run([says({ _tag: "subscribe" }, topic)], live).state
    const { state, tags } = run([says({ _tag: "sign_out" })], subscribed)
    assert.deepStrictEqual(tags, ["Unsubscribe", "Revoke", "Answer"])
    assert.deepInclude(state, { user: null, status: { _tag: "Open" }, subscriptions: [] })
  })

  it("[CON5] when the token is over, authentication starts anew, with its deadline", () => {
    const at = 900_000 + defaults.sessionGrace
    const { intents, state } = run([{ _tag: "Ticked", at }], live)
    assert.strictEqual(errorOf(intents)?.code, "unauthenticated")
    assert.deepInclude(state, { user: null, since: at })
    assert.strictEqual(state.error_state?._tag, "AuthError")
    assert.strictEqual(Connection.nextWake(state), at + defaults.authTimeout)
  })
})

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

/** What touches topics, people's data or somebody else: forbidden to strangers. */
const privileged: ReadonlySet<Connection.Intent["_tag"]> = new Set(
  [
    "Post",
    "Subscribe",
    "Unsubscribe",
    "Acknowledge",
    "Signal",
    "ListThreads",
    "ReadThread",
    "ReadUser",
    "Renew",
    "Revoke",
    "Hold"
  ] as const
)

/** Scripts that get past the door often: a lucky step answers the check that is under way. */
const scripts = Arbitrary.array(
  Arbitrary.schema(Schema.Struct({ message: Connection.Message, lucky: Schema.Boolean })),
  {
    maxLength: 40
  }
)

const lucky = (
  state: Connection.State,
  { lucky, message }: { readonly message: Message; readonly lucky: boolean }
): Message =>
  !lucky
    ? message
    : state.status._tag === "Proving"
    ? { ...signedIn, ref: state.status.ref }
    : state.status._tag === "Challenged"
    ? auth
    : state.status._tag === "Open"
    ? message._tag === "Drawn" ? { ...message, public_key: key, challenge } : connect
    : message

describe("laws", () => {
  it.prop("[AUT4] before a key is proved nothing touches a topic", { scripts }, ({ scripts }) => {
    let state = fresh
    for (const entry of scripts) {
      const [next, intents] = Connection.step(state, lucky(state, entry))
      if (state.status._tag !== "Live") {
        for (const intent of intents) assert.isFalse(privileged.has(intent._tag), intent._tag)
      }
      state = next
    }
  })

  it.prop("[AUT1] a user is there exactly while the connection is live", { scripts }, ({ scripts }) => {
    let state = fresh
    for (const entry of scripts) {
      state = Connection.step(state, lucky(state, entry))[0]
      if (state.status._tag !== "Closed") assert.strictEqual(state.user !== null, state.status._tag === "Live")
    }
  })

  it.prop("[CON1] every subscription that was begun ends, and none twice", { scripts }, ({ scripts }) => {
    let state = fresh
    const open = new Set<string>()
    for (const entry of [...scripts, { message: { _tag: "Dropped", at: 0, code: 1006 } as const, lucky: false }]) {
      const [next, intents] = Connection.step(state, lucky(state, entry))
      for (const intent of intents) {
        if (intent._tag === "Subscribe") open.add(intent.topic)
        if (intent._tag === "Unsubscribe") assert.isTrue(open.delete(intent.topic))
      }
      state = next
    }
    assert.strictEqual(open.size, 0)
  })

  it.prop("[CON6] at most one close, and silence after it", { scripts }, ({ scripts }) => {
    let state = fresh
    let closes = 0
    for (const entry of scripts) {
      const before = state
      const [next, intents] = Connection.step(state, lucky(state, entry))
      if (before.status._tag === "Closed") assert.deepStrictEqual([next, intents], [before, []])
      closes += intents.filter(({ _tag }) => _tag === "Close").length
      state = next
    }
    assert.isAtMost(closes, 1)
  })

  it.prop("[CON1] every reachable state survives JSON", { scripts }, ({ scripts }) => {
    let state = fresh
    for (const entry of scripts) state = Connection.step(state, lucky(state, entry))[0]
    const codec = Schema.toCodecJson(Connection.State)
    const wire = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(state)))
    assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(wire), state)
  })
})
