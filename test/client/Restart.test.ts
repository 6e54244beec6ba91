import { assert, describe, it } from "@effect/vitest"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { ClientFixture } from "./ClientFixture.ts"

/** How long the client waits at most before it tries again, once its connection has ended with this code. */
const maxReconnectDelay = (fixture: ClientFixture, code: number): number => {
  const { connection } = fixture.state
  const socket = connection._tag === "Connecting" || connection._tag === "Online" ? connection.socket : -1
  fixture.dispatch({ _tag: "SocketClosed", socket, code, random: 0.999_999 })
  return fixture.state.connection._tag === "Reconnecting" ? fixture.state.connection.retryAt - fixture.now : -1
}

describe("a restart that is announced while a client signs in", () => {
  it("[SYN11] it is asked to come back soon, however often it has tried before", () => {
    const fixture = new ClientFixture()
    fixture.runUntilQuiescent()
    let waits = maxReconnectDelay(fixture, 1006)
    for (let tries = 0; tries < 5; tries++) {
      fixture.advanceTime(20_000)
      assert.strictEqual(fixture.state.connection._tag, "Connecting")
      if (tries < 4) waits = maxReconnectDelay(fixture, 1006)
    }
    assert.isAbove(waits, 5_000)
    assert.isAtMost(maxReconnectDelay(fixture, closeCode.restart), 5_000)
    fixture.runUntilQuiescent()
    assert.strictEqual(fixture.state.connection._tag, "Online")
  })
})
