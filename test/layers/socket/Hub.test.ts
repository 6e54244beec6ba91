import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TopicId } from "../../../src/domain/Ids.ts"
import { defaults } from "../../../src/domain/Limits.ts"
import * as Engine from "../../../src/layers/socket/Engine.ts"
import * as Outbox from "../../../src/layers/socket/Outbox.ts"
import * as Frame from "../../../src/services/Frame.ts"

const topic = TopicId.make("room:t")
const signal = (key: string, size: number): Frame.Frame => ({
  text: "x".repeat(size),
  lane: { _tag: "Ephemeral", topic, key }
})

describe("a peer", () => {
  it.effect("[CON8] that is slow for what joined its frames is told of when it has room again", () =>
    Effect.gen(function*() {
      const limits = { ...defaults, outboxFold: 1_000 }
      const turn: Array<() => void> = []
      const engine = yield* Engine.make({
        limits,
        capabilities: ["backpressure"],
        nextId: () => "one",
        soon: (task) => turn.push(task)
      })
      let unsent = 0
      const write = (frames: ReadonlyArray<Frame.Frame>) => {
        for (const frame of frames) unsent += Outbox.wire(frame).length
      }
      const socket = engine.service({
        start: Effect.succeed({ address: "", port: 0 }),
        stop: Effect.void,
        isRunning: Effect.succeed(true),
        getAddress: Effect.undefined,
        getPort: Effect.undefined
      })
      const drained: Array<string> = []
      yield* socket.onDrained(({ id }) => drained.push(id))
      const metadata = { address: "", origin: "", userAgent: "" }
      const port = engine.accept(
        { gathers: true, write, unsent: () => unsent, close: () => {}, cut: () => {} },
        metadata
      )
      const run = Frame.run()
      const first = signal("a", 100)
      Frame.begin(run, first)
      port.connection.deliver(first)
      for (const key of ["b", "c", "d"]) assert.isTrue(Frame.join(run, signal(key, 900)))
      for (const task of turn.splice(0)) task()
      assert.isAbove(port.connection.bufferedAmount(), limits.outboxFold)
      unsent = 0
      port.drained()
      assert.deepStrictEqual(drained, ["one"])
    }))
})
