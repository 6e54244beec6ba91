import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TopicId } from "../../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../../src/domain/protocol/Limits.ts"
import * as FrameBatch from "../../../../src/layers/delivery/FrameBatch.ts"
import * as OutboundBudget from "../../../../src/layers/delivery/OutboundBudget.ts"
import * as SendQueue from "../../../../src/layers/delivery/SendQueue.ts"
import * as SocketEngine from "../../../../src/layers/socket/core/SocketEngine.ts"
import type { OutboundFrame } from "../../../../src/services/OutboundFrame.ts"

const topic = TopicId.make("room:t")
const signalFrame = (key: string, size: number): OutboundFrame => ({
  text: "x".repeat(size),
  lane: { _tag: "Ephemeral", topic, key }
})

describe("EngineConnection", () => {
  it.effect("[CON8] back-pressure by appended messages alone is announced when it has drained", () =>
    Effect.gen(function*() {
      const limits = { ...defaults, outboxFold: 1_000 }
      const turn: Array<() => void> = []
      const engine = yield* SocketEngine.make({
        limits,
        capabilities: ["backpressure"],
        runAfterTurn: (task) => turn.push(task)
      })
      let unsent = 0
      const write = (frames: ReadonlyArray<OutboundFrame>) => {
        for (const frame of frames) unsent += SendQueue.encodeQueuedFrame(frame).length
      }
      const socket = engine.makeService({
        start: Effect.succeed({ address: "", port: 0 }),
        stop: Effect.void,
        isRunning: Effect.succeed(true),
        getAddress: Effect.undefined,
        getPort: Effect.undefined
      })
      const drained: Array<string> = []
      yield* socket.onDrained(({ id }) => drained.push(id))
      const metadata = { address: "", origin: "", userAgent: "" }
      const events = engine.accept(
        { supportsBatching: true, write, unsentBytes: () => unsent, close: () => {}, terminate: () => {} },
        metadata
      )
      const batch = FrameBatch.make()
      const first = signalFrame("a", 100)
      FrameBatch.open(batch, first)
      events.connection.deliver(first)
      for (const key of ["b", "c", "d"]) assert.isTrue(FrameBatch.tryAppend(batch, signalFrame(key, 900)))
      for (const task of turn.splice(0)) task()
      assert.isAbove(events.connection.bufferedAmount(), limits.outboxFold)
      unsent = 0
      events.onDrained()
      assert.deepStrictEqual(drained, [events.connection.id])
    }))

  it.effect("[CON8] what was unread is no longer counted when the network took it, also while the next frames wait", () =>
    Effect.gen(function*() {
      const budget = OutboundBudget.make(defaults)
      const turn: Array<() => void> = []
      const runTurn = () => {
        for (const task of turn.splice(0)) task()
      }
      const engine = yield* SocketEngine.make({
        limits: defaults,
        capabilities: ["backpressure"],
        runAfterTurn: (task) => turn.push(task)
      }).pipe(Effect.provideService(OutboundBudget.OutboundBudget, budget))
      const transport = {
        isDrained: true,
        write: () => {},
        unsentBytes: () => transport.isDrained ? 0 : 500,
        close: () => {},
        terminate: () => {}
      }
      const events = engine.accept(transport, { address: "", origin: "", userAgent: "" })
      const deliver = () => events.connection.deliver({ text: "x", lane: { _tag: "Reply" } })
      transport.isDrained = false
      deliver()
      runTurn()
      assert.strictEqual(budget.pendingBytes(), 500)
      deliver()
      transport.isDrained = true
      events.onDrained()
      runTurn()
      assert.strictEqual(budget.pendingBytes(), 0)
      transport.isDrained = false
      deliver()
      runTurn()
      events.onClosed(1006)
      assert.strictEqual(budget.pendingBytes(), 0)
    }))
})
