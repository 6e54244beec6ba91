import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import { closeCode, mayReconnect } from "../../src/domain/connection/CloseCode.ts"
import { ClientFixture, onlineFixture, quietFixture, sentTypes } from "./ClientFixture.ts"
import { otherUser, topic, uuid } from "./ScriptedServer.ts"

/** Milliseconds until the next attempt after a close; undefined if there is none. */
const reconnectDelay = (fixture: ClientFixture, code: number, random: number): number | undefined => {
  fixture.dispatch({ _tag: "SocketClosed", socket: fixture.socket, code, random })
  return fixture.state.connection._tag === "Reconnecting" ? fixture.state.connection.retryAt - fixture.now : undefined
}

describe("ConnectionLifecycle", () => {
  it("[SYN10] reconnects with full jitter over 500 ms x 2^n, at most 20 s, and resets after 10 s online", () => {
    const fixture = quietFixture()
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

  it("[SYN10] connections that last less than ten seconds do not reset the back-off", () => {
    const fixture = quietFixture()
    const waits: Array<number | undefined> = []
    for (const online of [10_000, 9_999, 9_999, 9_999, 10_000]) {
      fixture.now += online
      waits.push(reconnectDelay(fixture, 1006, 0.999_999))
      fixture.runUntilQuiescent()
    }
    assert.deepStrictEqual(waits, [499, 999, 1_999, 3_999, 499])
  })

  it("[SYN11] the back-off is that of a restart for less than a minute", () => {
    const delayAfter = (millis: number) => {
      const fixture = quietFixture()
      const since = fixture.now
      reconnectDelay(fixture, closeCode.restart, 0)
      // So many attempts that only the caps tell.
      for (let attempts = 0; attempts < 7; attempts++) {
        fixture.advanceTime(0)
        reconnectDelay(fixture, 1006, 0)
      }
      fixture.advanceTime(0)
      fixture.now = since + millis
      return reconnectDelay(fixture, 1006, 0.999_999)
    }
    assert.deepStrictEqual([59_999, 60_000].map(delayAfter), [4_999, 19_999])
  })

  it("[SYN11][SYN10] announced restarts do not lengthen the back-off", () => {
    const fixture = quietFixture()
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

  it("[SYN11][FLT24] retries at least every five seconds in the first minute of a restart", () => {
    const fixture = quietFixture()
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

  it("[SYN10] reconnects at once when the page becomes visible, but not before `retry_after_ms`", () => {
    const fixture = quietFixture()
    reconnectDelay(fixture, 1006, 0.9)
    fixture.dispatch({ _tag: "PageShown" })
    assert.strictEqual(fixture.state.connection._tag, "Connecting")
    const drained = quietFixture()
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

  it("[CON6] an announcement during the sign-in counts as well", () => {
    const fixture = new ClientFixture()
    const goodbye = { _tag: "goodbye", code: 1012, reason: "restart", resume: true, retry_after_ms: 3_000 } as const
    fixture.sendToClient(goodbye, undefined)
    fixture.clientReceive()
    assert.strictEqual(reconnectDelay(fixture, closeCode.restart, 0), 3_000)
  })

  it("[CON6] waits at least ten seconds after a close for overload", () => {
    assert.isAtLeast(reconnectDelay(quietFixture(), closeCode.overload, 0) ?? 0, 10_000)
  })

  it.prop("[CON6] the close code alone decides whether the client reconnects", {
    code: Schema.Literals([...Object.values(closeCode), 1005, 1006])
  }, ({ code }) => {
    const fixture = quietFixture()
    reconnectDelay(fixture, code, 0.5)
    assert.strictEqual(fixture.state.connection._tag, mayReconnect(code) ? "Reconnecting" : "Disconnected")
  })

  it.each(
    [
      [closeCode.replaced, "closed", false],
      [closeCode.forcedOut, "closed", false],
      [closeCode.unauthenticated, "auth_failed", false],
      [closeCode.connectionLimit, "closed", true],
      [closeCode.unsupportedVersion, "outdated_client", false]
    ] as const
  )("[CON6] after the final close code %s the reason is %s, and trying again helps: %s", (code, name, retryable) => {
    const fixture = quietFixture()
    reconnectDelay(fixture, code, 0)
    const phase = ClientMachine.phase(fixture.state)
    assert.deepInclude(phase._tag === "Disconnected" ? phase.reason : undefined, { code: name, retryable })
  })

  it.each([closeCode.stateReset, closeCode.insufficientState])(
    "[SYN8] after close code %s the client subscribes without its position",
    (code) => {
      const fixture = quietFixture()
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

  it("[SYN10] sends a heartbeat after 20 s without a message and reconnects after 40 s", () => {
    const fixture = quietFixture()
    fixture.advanceTime(20_000) // The ack comes first.
    fixture.advanceTime(20_000)
    assert.deepStrictEqual(sentTypes(fixture), ["ack", "heartbeat"])
    fixture.toServer = []
    fixture.advanceTime(20_000)
    assert.strictEqual(fixture.state.connection._tag, "Reconnecting")
    const answered = quietFixture()
    answered.advanceTime(20_000)
    answered.advanceTime(20_000)
    while (answered.serverReceive() || answered.clientReceive());
    answered.advanceTime(19_000)
    assert.strictEqual(answered.state.connection._tag, "Online")
  })

  it("[SYN10] asks at once when the page is shown or the network changes, and reconnects 5 s later without an answer", () => {
    // One advance ends at the next timer.
    const wait = (fixture: ClientFixture, duration: number) => {
      for (const end = fixture.now + duration; fixture.now < end;) fixture.advanceTime(end - fixture.now)
    }
    const lost = quietFixture()
    wait(lost, 1_000)
    lost.dispatch({ _tag: "PageShown" })
    // Another event neither asks again nor grants more time.
    wait(lost, 3_000)
    lost.dispatch({ _tag: "PageShown" })
    assert.deepStrictEqual(sentTypes(lost).filter((type) => type === "heartbeat"), ["heartbeat"])
    lost.toServer = []
    wait(lost, 1_999)
    assert.strictEqual(lost.state.connection._tag, "Online")
    wait(lost, 1)
    assert.strictEqual(lost.state.connection._tag, "Reconnecting")
    // It also shortens the wait for the answer to an earlier heartbeat.
    const idle = quietFixture()
    wait(idle, 25_000)
    idle.toServer = []
    idle.dispatch({ _tag: "PageShown" })
    wait(idle, 5_000)
    assert.strictEqual(idle.state.connection._tag, "Reconnecting")
    const answered = quietFixture()
    wait(answered, 1_000)
    answered.dispatch({ _tag: "PageShown" })
    while (answered.serverReceive() || answered.clientReceive());
    wait(answered, 19_000)
    assert.strictEqual(answered.state.connection._tag, "Online")
  })

  it("[SYN10] a sign-in that takes ten seconds is retried on another connection", () => {
    const fixture = new ClientFixture()
    fixture.advanceTime(10_000)
    assert.strictEqual(fixture.state.connection._tag, "Reconnecting")
  })

  it("[SYN10] a final close fails pending commands and removes their optimistic effect", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "never answered" })
    fixture.serverReceive()
    fixture.cutConnection()
    // So much follows that a snapshot comes, which may contain the command.
    for (let n = 20; n < 24; n++) fixture.append(uuid(n), otherUser, { _tag: "send_message", content: n })
    fixture.advanceTime(20_000)
    while (fixture.state.replicas.get(topic)?.sync._tag !== "Live") {
      if (!fixture.serverReceive()) fixture.clientReceive()
    }
    assert.notStrictEqual(fixture.state.replicas.get(topic)!.base, fixture.state.replicas.get(topic)!.confirmed)
    reconnectDelay(fixture, closeCode.replaced, 0)
    assert.deepStrictEqual(fixture.outcomes.get(uuid(7)), [false])
    const replica = fixture.state.replicas.get(topic)!
    assert.strictEqual(replica.state, replica.confirmed)
    assert.strictEqual(replica.base, replica.confirmed)
    fixture.dispatch({ _tag: "Started" })
    fixture.runUntilQuiescent()
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Subscribed")
  })

  it("[SYN11] a restart announced during a sign-in caps the back-off at five seconds", () => {
    const fixture = new ClientFixture()
    fixture.runUntilQuiescent()
    let delay = reconnectDelay(fixture, 1006, 0.999_999) ?? 0
    for (let tries = 0; tries < 5; tries++) {
      fixture.advanceTime(20_000)
      assert.strictEqual(fixture.state.connection._tag, "Connecting")
      if (tries < 4) delay = reconnectDelay(fixture, 1006, 0.999_999) ?? 0
    }
    assert.isAbove(delay, 5_000)
    assert.isAtMost(reconnectDelay(fixture, closeCode.restart, 0.999_999) ?? 0, 5_000)
    fixture.runUntilQuiescent()
    assert.strictEqual(fixture.state.connection._tag, "Online")
  })
})
