import { assert, describe, it } from "@effect/vitest"
import * as ConnectionSignals from "../../../src/domain/presence/ConnectionSignals.ts"
import { TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

const from = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const topic = TopicId.make("room:lobby")
const entry = (key: string, value: number, at = 0): ConnectionSignals.SignalEntry => {
  const signal = { from, connection: "c", key, value }
  return { signal, at, lane: ConnectionSignals.laneOf(topic, signal) }
}
const setAll = (...entries: ReadonlyArray<ConnectionSignals.SignalEntry>) =>
  entries.reduce(
    (signals, next) => ConnectionSignals.setSignal(signals, next, undefined),
    ConnectionSignals.noSignals
  )

describe("the signals of a connection", () => {
  it("[ROO3] the latest value per key replaces the one before", () => {
    const signals = setAll(entry("cursor", 1), entry("typing", 1), entry("cursor", 2, 5))
    assert.deepStrictEqual(signals, [entry("cursor", 2, 5), entry("typing", 1)])
    assert.deepStrictEqual(ConnectionSignals.removeSignal(signals, "cursor"), [entry("typing", 1)])
    assert.isUndefined(ConnectionSignals.entryOf(signals, "selection"))
  })

  it("[ROO3] values replace each other under one key of one connection, and under no other", () => {
    const lanes = [entry("cursor", 1), entry("cursor", 2), entry("typing", 1)].map(({ lane }) => lane)
    assert.deepStrictEqual(lanes[0], lanes[1])
    assert.notDeepEqual(lanes[0], lanes[2])
    const other = { from, connection: "d", key: "cursor", value: 1 }
    assert.notDeepEqual(ConnectionSignals.laneOf(topic, other), lanes[0])
  })

  it("[ROO3] a value expires 30 s after it was set; setting it again starts anew", () => {
    assert.strictEqual(ConnectionSignals.expiryOf(entry("cursor", 1, 7), defaults), 30_007)
    const [latest] = setAll(entry("cursor", 1), entry("cursor", 2, 20_000))
    assert.strictEqual(ConnectionSignals.expiryOf(latest!, defaults), 50_000)
  })

  it("[ROO3] a seventeenth key evicts the oldest one, and a known key evicts none", () => {
    const full = setAll(...Array.from({ length: defaults.signalKeys }, (_, i) => entry(`k${i}`, i)))
    assert.isUndefined(ConnectionSignals.evictedBy(full, "k3", defaults))
    assert.lengthOf(ConnectionSignals.setSignal(full, entry("k3", 9), undefined), defaults.signalKeys)
    const evicted = ConnectionSignals.evictedBy(full, "new", defaults)
    assert.deepStrictEqual(evicted, entry("k0", 0))
    assert.deepStrictEqual(
      ConnectionSignals.setSignal(full, entry("new", 1), evicted),
      [...full.filter((kept) => kept !== evicted), entry("new", 1)]
    )
  })
})
