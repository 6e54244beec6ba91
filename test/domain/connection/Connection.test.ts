import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Connection from "../../../src/domain/connection/Connection.ts"
import { auth, challenge, connect, initial, key, type Message, signedIn } from "./ConnectionFixture.ts"

/** What touches topics, people's data or somebody else: forbidden to strangers. */
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

/** Scripts that get past the door often: a lucky step answers the check that is under way. */
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
  it.prop("[AUT4] before a key is proved nothing touches a topic", { scripts }, ({ scripts }) => {
    let state = initial
    for (const entry of scripts) {
      const [next, intents] = Connection.step(state, satisfyPendingCheck(state, entry))
      if (state.status._tag !== "Authenticated") {
        for (const intent of intents) assert.isFalse(privileged.has(intent._tag), intent._tag)
      }
      state = next
    }
  })

  it.prop("[AUT1] a user is there exactly while the connection is live", { scripts }, ({ scripts }) => {
    let state = initial
    for (const entry of scripts) {
      state = Connection.step(state, satisfyPendingCheck(state, entry))[0]
      if (state.status._tag !== "Closed") assert.strictEqual(state.user !== null, state.status._tag === "Authenticated")
    }
  })

  it.prop("[CON1] every subscription that was begun ends, and none twice", { scripts }, ({ scripts }) => {
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

  it.prop("[CON6] at most one close, and silence after it", { scripts }, ({ scripts }) => {
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

  it.prop("[CON1] every reachable state survives JSON", { scripts }, ({ scripts }) => {
    let state = initial
    for (const entry of scripts) state = Connection.step(state, satisfyPendingCheck(state, entry))[0]
    const codec = Schema.toCodecJson(Connection.ConnectionState)
    const wire = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(state)))
    assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(wire), state)
  })
})
