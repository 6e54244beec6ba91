import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { act } from "react"
import { vi } from "vitest"
import type { Client } from "../../../src/client/Client.ts"
import * as ClientMachine from "../../../src/client/ClientMachine.ts"
import type { State } from "../../../src/client/ClientModel.ts"
import { ChoirProvider } from "../../../src/react/ClientContext.ts"
import { ConnectionStatus } from "../../../src/web/app/ConnectionStatus.tsx"
import { userId } from "../../support/TopicWorld.ts"
import { all, one, render } from "../Rendered.ts"

const config = { kinds: new Map(), me: userId(0), instance: "i".repeat(36), host: undefined, signCommands: false }

/** A client whose connection a test sets. */
const makeClient = (connection: State["connection"]) => {
  let state: State = { ...ClientMachine.initial(config), connection }
  const listeners = new Set<() => void>()
  let starts = 0
  return {
    starts: () => starts,
    set: (change: Partial<State>) =>
      act(async () => {
        state = { ...state, ...change }
        for (const listener of listeners) listener()
      }),
    client: {
      me: userId(0),
      state: () => state,
      onChange: (listener: () => void) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      start: () => (starts += 1)
    } as Partial<Client> as Client
  }
}

const online = { _tag: "Online" } as State["connection"]
const reconnecting = { _tag: "Reconnecting" } as State["connection"]

describe("the banner about the connection", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: 1_000_000 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const pass = (millis: number) => act(async () => void vi.advanceTimersByTime(millis))
  const text = () => one("status").textContent

  it("comes when a loss has lasted for four seconds, offers to retry, and goes with it", async () => {
    const { client, set, starts } = makeClient(online)
    await using _page = await render(<ChoirProvider client={client}><ConnectionStatus /></ChoirProvider>)
    await set({ connection: reconnecting, lostAt: Date.now() as never })
    await pass(3_999)
    assert.strictEqual(text(), "")
    await pass(1)
    assert.match(text(), /^No connection since .*What you write is kept\./)
    await act(async () => one("button", "Retry").click())
    assert.strictEqual(starts(), 1)
    await set({ connection: online, lostAt: undefined })
    assert.strictEqual(text(), "")
  })

  it("does not come for a short loss, nor for the time of one before", async () => {
    const { client, set } = makeClient(online)
    await using _page = await render(<ChoirProvider client={client}><ConnectionStatus /></ChoirProvider>)
    for (let loss = 0; loss < 3; loss++) {
      await set({ connection: reconnecting, lostAt: Date.now() as never })
      await pass(3_000)
      await set({ connection: online, lostAt: undefined })
    }
    await pass(60_000)
    assert.strictEqual(text(), "")
  })

  it("comes at once when the browser has no network", async () => {
    const { client } = makeClient(online)
    await using _page = await render(<ChoirProvider client={client}><ConnectionStatus /></ChoirProvider>)
    await act(async () => void dispatchEvent(new Event("offline")))
    assert.match(text(), /^No connection since/)
    await act(async () => void dispatchEvent(new Event("online")))
    assert.strictEqual(text(), "")
  })

  it("says why a server has closed the connection for good, and connects again when asked", async () => {
    const { client, set, starts } = makeClient(online)
    await using _page = await render(<ChoirProvider client={client}><ConnectionStatus /></ChoirProvider>)
    await set({
      connection: { _tag: "Disconnected", reason: { _tag: "Error", code: "closed", message: "the key was rejected" } } as never
    })
    assert.include(text(), "The key was rejected.")
    assert.lengthOf(all("button", "Retry"), 0)
    await act(async () => one("button", "Reconnect").click())
    assert.strictEqual(starts(), 1)
  })
})
