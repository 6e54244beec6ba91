import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import { closeCode, mayReconnect } from "../../src/domain/connection/CloseCode.ts"
import { challengeSigningInput } from "../../src/domain/protocol/Protocol.ts"
import { ClientFixture } from "./ClientFixture.ts"
import { me, otherUser, topic, uuid } from "./ScriptedServer.ts"

const onlineFixture = (): ClientFixture => {
  const fixture = new ClientFixture()
  fixture.runUntilQuiescent()
  fixture.toServer = []
  fixture.toClient = []
  return fixture
}

const sentTypes = (fixture: ClientFixture) => fixture.toServer.map((message) => message.type)

/** How long the client waits after the connection closed. */
const reconnectDelay = (fixture: ClientFixture, code: number, random: number): number | undefined => {
  fixture.dispatch({ _tag: "SocketClosed", socket: fixture.socket, code, random })
  return fixture.state.connection._tag === "Reconnecting" ? fixture.state.connection.retryAt - fixture.now : undefined
}

describe("the client's connection", () => {
  it("[AUT1] signs every field of the challenge, and nothing for a server of another name", () => {
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

  it("[AUT2] resumes by its token, and falls back to a signature when that is over", () => {
    const fixture = onlineFixture()
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

  it("[AUT2] renews the session before it ends, by the server's clock", () => {
    const fixture = onlineFixture()
    const until = fixture.now + 600_000
    while (fixture.now < until) {
      fixture.advanceTime(5_000)
      if (sentTypes(fixture).includes("renew")) break
      while (fixture.serverReceive() || fixture.clientReceive());
    }
    assert.include(sentTypes(fixture), "renew")
    assert.isAtMost(fixture.now, until)
    while (fixture.serverReceive() || fixture.clientReceive());
    assert.isAbove(fixture.state.session?.renewAt ?? 0, until)
  })

  it("[SYN10] full jitter: a random part of 500 ms x 2^n, at most 20 s, and from the start after a good while", () => {
    const fixture = onlineFixture()
    fixture.serverReachable = false
    const waits = [reconnectDelay(fixture, 1006, 0.5)]
    for (let i = 0; i < 7; i++) {
      fixture.serverReachable = true
      fixture.advanceTime(20_000)
      waits.push(reconnectDelay(fixture, 1006, 0.999_999))
    }
    assert.deepStrictEqual(waits, [250, 999, 1999, 3999, 7999, 15_999, 19_999, 19_999])
    fixture.runUntilQuiescent()
    fixture.now += 10_000
    assert.strictEqual(reconnectDelay(fixture, 1006, 0.999_999), 499)
  })

  it("[SYN11][SYN10] an announced restart is no failure: however many there are, the client is back soon", () => {
    const fixture = onlineFixture()
    for (let restart = 0; restart < 8; restart++) {
      fixture.sendToClient(
        { _tag: "goodbye", code: 1012, reason: "restart", resume: true, retry_after_ms: 100 },
        undefined
      )
      fixture.clientReceive()
      assert.strictEqual(reconnectDelay(fixture, closeCode.restart, 0.999_999), 599)
      fixture.runUntilQuiescent()
    }
  })

  it("[SYN11][FLT24] whoever waits for a restarting server asks every five seconds at least, for a minute", () => {
    const fixture = onlineFixture()
    const began = fixture.now
    let longest = reconnectDelay(fixture, closeCode.restart, 0.999_999) ?? 0
    for (let tries = 0; fixture.now < began + 60_000; tries++) {
      assert.isBelow(tries, 100)
      assert.isAtMost(longest, 5_000)
      fixture.advanceTime(20_000)
      longest = Math.max(longest, reconnectDelay(fixture, 1006, 0.999_999) ?? 0)
    }
    assert.isAbove(longest, 15_000)
    fixture.runUntilQuiescent()
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Subscribed")
  })

  it("[SYN10] a page that becomes visible is back at once, unless the server asked for a pause", () => {
    const fixture = onlineFixture()
    reconnectDelay(fixture, 1006, 0.9)
    fixture.dispatch({ _tag: "PageShown" })
    assert.strictEqual(fixture.state.connection._tag, "Connecting")
    const drained = onlineFixture()
    drained.sendToClient(
      { _tag: "goodbye", code: 1012, reason: "restart", resume: true, retry_after_ms: 3000 },
      undefined
    )
    drained.clientReceive()
    assert.strictEqual(reconnectDelay(drained, closeCode.restart, 0.5), 3250)
    drained.dispatch({ _tag: "PageShown" })
    assert.strictEqual(drained.state.connection._tag, "Reconnecting")
    drained.advanceTime(3000)
    assert.strictEqual(drained.state.connection._tag, "Connecting")
  })

  it("[CON6] overload keeps a client away for ten seconds at least", () => {
    assert.isAtLeast(reconnectDelay(onlineFixture(), closeCode.overload, 0) ?? 0, 10_000)
  })

  it.prop("[CON6] the close code alone decides whether the client comes back", {
    code: Schema.Literals([...Object.values(closeCode), 1005, 1006])
  }, ({ code }) => {
    const fixture = onlineFixture()
    reconnectDelay(fixture, code, 0.5)
    assert.strictEqual(fixture.state.connection._tag, mayReconnect(code) ? "Reconnecting" : "Disconnected")
  })

  it.each([closeCode.stateReset, closeCode.insufficientState])(
    "[SYN8] after %s the client asks without its position",
    (code) => {
      const fixture = onlineFixture()
      fixture.cutConnection(code)
      fixture.advanceTime(20_000)
      fixture.serverReceive()
      fixture.clientReceive()
      assert.deepStrictEqual(
        fixture.toServer.filter((message) => message.type === "subscribe").map((message) => message.payload),
        [{}]
      )
    }
  )

  it("[CON3] asks after 20 s of silence and gives up after 40", () => {
    const fixture = onlineFixture()
    fixture.advanceTime(20_000) // Acknowledges first.
    fixture.advanceTime(20_000)
    assert.deepStrictEqual(sentTypes(fixture), ["ack", "heartbeat"])
    fixture.toServer = []
    fixture.advanceTime(20_000)
    assert.strictEqual(fixture.state.connection._tag, "Reconnecting")
    const answered = onlineFixture()
    answered.advanceTime(20_000)
    answered.advanceTime(20_000)
    while (answered.serverReceive() || answered.clientReceive());
    answered.advanceTime(19_000)
    assert.strictEqual(answered.state.connection._tag, "Online")
  })

  it("[AUT3] a sign-in that takes ten seconds is tried again on another connection", () => {
    const fixture = new ClientFixture()
    fixture.advanceTime(10_000)
    assert.strictEqual(fixture.state.connection._tag, "Reconnecting")
  })

  it("[SYN10] an ended connection tells everybody who waits, and shows only what is decided", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "never sent" })
    reconnectDelay(fixture, closeCode.replaced, 0)
    assert.deepStrictEqual(fixture.outcomes.get(uuid(7)), [false])
    const replica = fixture.state.replicas.get(topic)!
    assert.strictEqual(replica.state, replica.confirmed)
    fixture.dispatch({ _tag: "Started" })
    fixture.runUntilQuiescent()
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Subscribed")
  })

  it("[CON7] too fast: the command waits as long as it is told to, then leaves under the same id", () => {
    const fixture = onlineFixture()
    fixture.nextOutcome = "rate_limited"
    fixture.submitCommand(7, { _tag: "send_message", content: "eager" })
    fixture.serverReceive()
    fixture.clientReceive()
    assert.deepStrictEqual(sentTypes(fixture), [])
    const asked = fixture.now
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(fixture.receivedIds, [uuid(7), uuid(7)])
    assert.isAtLeast(fixture.now - asked, 500)
    assert.deepStrictEqual(fixture.outcomes.get(uuid(7)), [true])
  })

  it("[SEC26][SYN10] a sign-in that must wait comes back on another connection when it was told to, by the same means", () => {
    const fixture = onlineFixture()
    reconnectDelay(fixture, 1006, 0)
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
    fixture.advanceTime(60_000)
    assert.isAtLeast(fixture.now - since, 700)
    assert.deepStrictEqual(fixture.toServer.map(({ type }) => type), ["resume"])
    fixture.runUntilQuiescent()
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Subscribed")
  })

  it("[SYN12] what the server does not show is refused with its sentence, and nothing else is touched", () => {
    const fixture = new ClientFixture()
    while (fixture.toServer.every((message) => message.type !== "subscribe")) {
      if (!fixture.serverReceive()) fixture.clientReceive()
    }
    const ref_id = fixture.toServer.find((message) => message.type === "subscribe")!.id
    fixture.toServer = []
    fixture.sendToClient({ _tag: "error", ref_id, code: "not_found", message: "not there", retryable: false })
    fixture.clientReceive()
    const sync = fixture.state.replicas.get(topic)!.sync
    assert.strictEqual(sync._tag === "Refused" ? sync.reason.message : "", "not there")
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Authenticated")
    assert.strictEqual(fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "x" }), 3)
  })
})
