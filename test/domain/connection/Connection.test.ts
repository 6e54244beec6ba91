import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Connection from "../../../src/domain/connection/Connection.ts"
import {
  auth,
  authenticated,
  challenge,
  commandReceived,
  connect,
  initial,
  key,
  type Message,
  ref,
  signedIn
} from "./ConnectionFixture.ts"

/** Intents that reach topics, sessions or data of users: only for authenticated connections. */
const privileged: ReadonlySet<Connection.Intent["_tag"]> = new Set(
  [
    "SubmitCommand",
    "Subscribe",
    "Unsubscribe",
    "Acknowledge",
    "SetSignal",
    "ListThreads",
    "ReadThread",
    "ReadUser",
    "RenewSession",
    "RevokeSession",
    "ExtendSession"
  ] as const
)

/** Scripts that often authenticate: a lucky step completes the verification that is in progress. */
const scripts = Arbitrary.array(
  Arbitrary.schema(Schema.Struct({ message: Connection.Message, lucky: Schema.Boolean })),
  {
    maxLength: 40
  }
)

const satisfyPendingCheck = (
  state: Connection.ConnectionState,
  { lucky, message }: { readonly message: Message; readonly lucky: boolean }
): Message =>
  !lucky
    ? message
    : state.status._tag === "Verifying"
    ? { ...signedIn, ref: state.status.ref }
    : state.status._tag === "Challenged"
    ? auth
    : state.status._tag === "Unauthenticated"
    ? message._tag === "ChallengeIssued" ? { ...message, public_key: key, challenge } : connect
    : message

describe("a connection", () => {
  it.prop("[AUT4] before authentication no intent reaches a topic or a session", { scripts }, ({ scripts }) => {
    let state = initial
    for (const entry of scripts) {
      const [next, intents] = Connection.step(state, satisfyPendingCheck(state, entry))
      if (state.status._tag !== "Authenticated") {
        for (const intent of intents) assert.isFalse(privileged.has(intent._tag), intent._tag)
      }
      state = next
    }
  })

  it.prop(
    "[CON1] whatever valid messages a connection gets, its states and intents fit their schemas",
    { scripts },
    ({ scripts }) => {
      const [isState, isIntent] = [Schema.is(Connection.ConnectionState), Schema.is(Connection.Intent)]
      let state = initial
      for (const entry of scripts) {
        const [next, intents] = Connection.step(state, satisfyPendingCheck(state, entry))
        assert.isTrue(isState(next), JSON.stringify(next))
        for (const intent of intents) assert.isTrue(isIntent(intent), JSON.stringify(intent))
        state = next
      }
    }
  )

  it.prop("[AUT1] a connection has a user exactly while it is authenticated", { scripts }, ({ scripts }) => {
    let state = initial
    for (const entry of scripts) {
      state = Connection.step(state, satisfyPendingCheck(state, entry))[0]
      if (state.status._tag !== "Closed") assert.strictEqual(state.user !== null, state.status._tag === "Authenticated")
    }
  })

  it.prop("[SYN12] each subscription ends exactly once", { scripts }, ({ scripts }) => {
    let state = initial
    const open = new Set<string>()
    for (const entry of [...scripts, { message: { _tag: "SocketClosed", at: 0, code: 1006 } as const, lucky: false }]) {
      const [next, intents] = Connection.step(state, satisfyPendingCheck(state, entry))
      for (const intent of intents) {
        if (intent._tag === "Subscribe") open.add(intent.topic)
        if (intent._tag === "Unsubscribe") assert.isTrue(open.delete(intent.topic))
      }
      state = next
    }
    assert.strictEqual(open.size, 0)
  })

  it.prop("[CON6] a connection closes at most once, and does nothing after it", { scripts }, ({ scripts }) => {
    let state = initial
    let closes = 0
    for (const entry of scripts) {
      const before = state
      const [next, intents] = Connection.step(state, satisfyPendingCheck(state, entry))
      if (before.status._tag === "Closed") assert.deepStrictEqual([next, intents], [before, []])
      closes += intents.filter(({ _tag }) => _tag === "Close").length
      state = next
    }
    assert.isAtMost(closes, 1)
  })

  it.prop("[CON1] a step changes neither the state nor the message that it gets", { scripts }, ({ scripts }) => {
    let state = initial
    for (const entry of scripts) {
      const message = satisfyPendingCheck(state, entry)
      const before = structuredClone({ state, message })
      const [next] = Connection.step(state, message)
      assert.deepStrictEqual({ state, message }, before)
      assert.deepStrictEqual(Connection.step(state, message)[0], next)
      state = next
    }
  })

  it.prop(
    "[SYN5] in every state a command is submitted once, or answered with one error, or closes the connection",
    { scripts },
    ({ scripts }) => {
      let state = authenticated
      for (const entry of scripts) {
        for (const wait of state.status._tag === "Closed" ? [] : [0, 100]) {
          const outcomes = Connection.step(state, { ...commandReceived, wait })[1].filter((intent) =>
            intent._tag === "SubmitCommand" && intent.ref === ref || intent._tag === "Close" ||
            intent._tag === "SendReply" && intent.message._tag === "error" && intent.message.ref_id === ref
          )
          assert.lengthOf(outcomes, 1)
        }
        state = Connection.step(state, satisfyPendingCheck(state, entry))[0]
      }
    }
  )

  it.prop("[CON4] whatever is received, an error names the message that it answers", { scripts }, ({ scripts }) => {
    let state = initial
    for (const entry of scripts) {
      const message = satisfyPendingCheck(state, entry)
      const [next, intents] = Connection.step(state, message)
      state = next
      const received = message._tag === "MessageReceived" ? message.incoming.id : undefined
      for (const intent of intents) {
        if (received === undefined || intent._tag !== "SendReply" || intent.message._tag !== "error") continue
        assert.strictEqual<string | null>(intent.message.ref_id, received)
      }
    }
  })

  it.prop("[CON1] every reachable state is plain data, the same after JSON", { scripts }, ({ scripts }) => {
    let state = initial
    for (const entry of scripts) state = Connection.step(state, satisfyPendingCheck(state, entry))[0]
    const codec = Schema.toCodecJson(Connection.ConnectionState)
    const wire = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(state)))
    assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(wire), state)
  })
})
