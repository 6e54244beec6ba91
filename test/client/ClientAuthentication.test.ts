import { assert, describe, it } from "@effect/vitest"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { challengeSigningInput } from "../../src/domain/protocol/Protocol.ts"
import { ClientFixture, quietFixture, sentTypes } from "./ClientFixture.ts"
import { me } from "./ScriptedServer.ts"

describe("ClientAuthentication", () => {
  it("[AUT1][SEC3] signs every field of a challenge, and none of another server's audience", () => {
    const fixture = new ClientFixture()
    assert.deepStrictEqual(sentTypes(fixture), ["connect"])
    const challenge = {
      nonce: "bm9uY2U",
      audience: "http://choir.test",
      origin: "o",
      connection_id: "c1",
      issued_at: 1,
      expires_at: 2
    }
    fixture.sendToClient({ _tag: "challenge", ...challenge }, undefined)
    fixture.clientReceive()
    assert.deepInclude(fixture.intents, { _tag: "Sign", socket: 1, text: challengeSigningInput(challenge, me) })
    const elsewhere = new ClientFixture()
    elsewhere.sendToClient({ _tag: "challenge", ...challenge, audience: "http://evil.test" }, undefined)
    elsewhere.clientReceive()
    assert.strictEqual(elsewhere.intents.some((intent) => intent._tag === "Sign"), false)
    assert.strictEqual(ClientMachine.phase(elsewhere.state)._tag, "Disconnected")
  })

  it("[SEC3] a challenge that was not asked for is not signed", () => {
    const resuming = quietFixture()
    resuming.cutConnection()
    resuming.advanceTime(20_000)
    assert.deepStrictEqual(sentTypes(resuming), ["resume"])
    for (const fixture of [quietFixture(), resuming]) {
      const { length } = fixture.intents
      const challenge = { nonce: "bm9uY2U", origin: "", connection_id: "c1", issued_at: 1, expires_at: 2 }
      fixture.sendToClient({ _tag: "challenge", audience: "http://choir.test", ...challenge }, undefined)
      fixture.clientReceive()
      assert.deepStrictEqual(fixture.intents.slice(length), [])
    }
  })

  it("[AUT2] a close that refuses the resumed session leads to a signature; one that refuses the signature is final", () => {
    const fixture = quietFixture()
    fixture.cutConnection()
    fixture.advanceTime(20_000)
    fixture.cutConnection(closeCode.unauthenticated)
    assert.strictEqual(fixture.state.connection._tag, "Reconnecting")
    fixture.advanceTime(20_000)
    assert.deepStrictEqual(sentTypes(fixture), ["connect"])
    fixture.cutConnection(closeCode.unauthenticated)
    assert.deepInclude(ClientMachine.phase(fixture.state), { _tag: "Disconnected" })
    const online = quietFixture()
    online.cutConnection(closeCode.unauthenticated)
    assert.strictEqual(ClientMachine.phase(online.state)._tag, "Disconnected")
  })

  it("[AUT2] a session that the server no longer accepts is replaced on a new connection; other errors leave it", () => {
    const receiveError = (code: "unauthenticated" | "forbidden") => {
      const fixture = quietFixture()
      fixture.sendToClient({ _tag: "error", ref_id: null, code, message: "no", retryable: false }, undefined)
      fixture.clientReceive()
      return fixture
    }
    const other = receiveError("forbidden")
    assert.strictEqual(other.state.connection._tag, "Online")
    assert.isDefined(other.state.session)
    const fixture = receiveError("unauthenticated")
    assert.strictEqual(fixture.state.connection._tag, "Reconnecting")
    fixture.advanceTime(20_000)
    assert.deepStrictEqual(sentTypes(fixture), ["connect"])
    fixture.runUntilQuiescent()
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Subscribed")
  })

  it("[AUT2] during a sign-in only an error that names its message ends it", () => {
    for (const ref_id of [null, "00000000-0000-4000-8000-00000000ffff"]) {
      const fixture = new ClientFixture()
      fixture.sendToClient({ _tag: "error", ref_id, code: "auth_failed", message: "no", retryable: false }, undefined)
      fixture.clientReceive()
      assert.strictEqual(fixture.state.connection._tag, "Connecting")
      fixture.runUntilQuiescent()
      assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Subscribed")
    }
  })

  it("[AUT2] resumes by token, and signs a challenge when the session was rejected", () => {
    const fixture = quietFixture()
    fixture.cutConnection()
    fixture.advanceTime(20_000)
    assert.deepStrictEqual(sentTypes(fixture), ["resume"])
    fixture.sendToClient({
      _tag: "error",
      ref_id: fixture.toServer[0]!.id,
      code: "auth_failed",
      message: "over",
      retryable: false
    }, undefined)
    fixture.toServer = []
    fixture.clientReceive()
    assert.deepStrictEqual(sentTypes(fixture), ["connect"])
    fixture.runUntilQuiescent()
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Subscribed")
  })

  it("[AUT2] renews the session before it expires on the server's clock", () => {
    const fixture = quietFixture()
    const until = fixture.now + 600_000
    while (fixture.now < until) {
      fixture.advanceTime(5_000)
      if (sentTypes(fixture).includes("renew")) break
      while (fixture.serverReceive() || fixture.clientReceive());
    }
    assert.include(sentTypes(fixture), "renew")
    const { payload } = fixture.toServer.find(({ type }) => type === "renew")!
    assert.deepStrictEqual(payload, { session_token: fixture.state.session?.token })
    assert.isAtMost(fixture.now, until)
    while (fixture.serverReceive() || fixture.clientReceive());
    assert.isAbove(fixture.state.session?.renewAt ?? 0, until)
  })

  it("[AUT2] a renewal without an answer is repeated every ten seconds", () => {
    const fixture = quietFixture()
    const renewals: Array<number> = []
    const until = fixture.now + 660_000
    while (fixture.now < until) {
      fixture.advanceTime(1_000)
      if (sentTypes(fixture).includes("renew")) renewals.push(fixture.now)
      fixture.toServer = fixture.toServer.filter(({ type }) => type !== "renew")
      while (fixture.serverReceive() || fixture.clientReceive());
    }
    assert.isAtLeast(renewals.length, 5)
    assert.deepStrictEqual(renewals.slice(1).map((at, n) => at - renewals[n]!), renewals.slice(1).map(() => 10_000))
  })

  it("[SYN10] a rate-limited sign-in is retried with the same session after `retry_after_ms`", () => {
    const fixture = quietFixture()
    fixture.cutConnection()
    fixture.advanceTime(20_000)
    const [resume] = fixture.toServer
    assert.strictEqual(resume?.type, "resume")
    const since = fixture.now
    const rejectSignIn = (ref_id: string) => {
      fixture.sendToClient({
        _tag: "error",
        ref_id,
        code: "rate_limited",
        message: "later",
        retryable: true,
        retry_after_ms: 700
      })
      fixture.clientReceive()
    }
    rejectSignIn(resume!.id)
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Reconnecting")
    // Not even when the user comes back to the page.
    fixture.dispatch({ _tag: "PageShown" })
    assert.strictEqual(fixture.state.connection._tag, "Reconnecting")
    fixture.advanceTime(60_000)
    assert.strictEqual(fixture.now - since, 700)
    assert.deepStrictEqual(fixture.toServer.map(({ type }) => type), ["resume"])
    fixture.runUntilQuiescent()
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Subscribed")
  })
})
