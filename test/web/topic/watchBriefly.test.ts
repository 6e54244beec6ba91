import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import { mara } from "../../../src/web/states/fixturePeople.ts"
import { FixtureThread } from "../../../src/web/states/FixtureThread.ts"
import { watchBriefly } from "../../../src/web/topic/watchBriefly.ts"
import { FixtureConnection } from "../FixtureConnection.ts"

const thread = new FixtureThread("bridge", mara, "Bridges")

const subscriptions = (connection: FixtureConnection) => connection.typesOf("subscribe", "unsubscribe")

describe("a thread that may be opened", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }))

  afterEach(() => void vi.useRealTimers())

  it("is subscribed to for a moment", async () => {
    await using connection = await FixtureConnection.open([thread])
    watchBriefly(connection.client, thread.id)
    assert.deepStrictEqual(subscriptions(connection), ["subscribe"])
    await vi.advanceTimersByTimeAsync(60_000)
    assert.deepStrictEqual(subscriptions(connection), ["subscribe", "unsubscribe"])
    assert.strictEqual(connection.client.state().replicas.size, 0)
  })

  it("stays subscribed to if it is opened meanwhile, by the same subscription", async () => {
    await using connection = await FixtureConnection.open([thread])
    watchBriefly(connection.client, thread.id)
    await connection.answer()
    const topic = connection.client.topic(threadKind, thread.id)
    const stop = topic.onView(() => {})
    await vi.advanceTimersByTimeAsync(60_000)
    assert.deepStrictEqual(subscriptions(connection), ["subscribe"])
    assert.strictEqual(topic.view()?.state.title.text, "Bridges")
    stop()
    assert.deepStrictEqual(subscriptions(connection), ["subscribe", "unsubscribe"])
  })
})
