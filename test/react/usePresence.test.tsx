import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { usePresence, useSignals } from "../../src/react/index.ts"
import { otherUser, uuid } from "../client/ScriptedServer.ts"
import { change, mountOn, useRoom } from "./Mounted.tsx"
import { onlineClient } from "./ScriptedConnection.ts"
describe("usePresence and useSignals", () => {
  const joined = (connection: string, user = otherUser) => ({ user, connection, at: 1 })
  const signal = (connection: string, value: string | null, key = "cursor") =>
    ({ _tag: "signal", from: otherUser, connection, key, value }) as const

  it.live("[ROO2] users who are present are shown once, until their last connection leaves", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      let renders = 0
      const Present = () => {
        renders++
        return usePresence(useRoom()).map(({ connections, user }) => `${user} ${connections.join("+")}`).join()
      }
      const page = yield* mountOn(client, <Present />, false)
      const diff = (joins: ReadonlyArray<string>, leaves: ReadonlyArray<string>) =>
        change(() => {
          const entries = (ids: ReadonlyArray<string>) => ids.map((id) => joined(id))
          connection.server.sendToClient({ _tag: "presence_diff", joins: entries(joins), leaves: entries(leaves) })
          connection.deliver()
        })
      yield* diff(["a", "b"], [])
      assert.strictEqual(page.text(), `${otherUser} a+b`)
      const before = renders
      yield* change(() => {
        connection.server.append(uuid(10), otherUser, { _tag: "send_message", content: "theirs" })
        connection.deliver()
      })
      assert.strictEqual(renders, before)
      yield* diff([], ["a"])
      assert.strictEqual(page.text(), `${otherUser} b`)
      yield* diff([], ["b"])
      assert.strictEqual(page.text(), "")
    }))

  it.live("[ROO3] the latest signal of each other connection appears under its key, and goes", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const Cursors = () =>
        useSignals(useRoom(), "cursor").map(({ connection, value }) => `${connection}:${String(value)}`).join()
      const page = yield* mountOn(client, <Cursors />)
      const send = (...signals: ReadonlyArray<ReturnType<typeof signal>>) =>
        change(() => {
          for (const message of signals) connection.server.sendToClient(message)
          connection.deliver()
        })
      // The scripted server calls the client's own connection c1.
      yield* send(signal("a", "1"), signal("c1", "own"), signal("a", "other", "typing"), signal("b", "1"))
      assert.strictEqual(page.text(), "a:1,b:1")
      yield* send(signal("b", "2"), signal("a", null))
      assert.strictEqual(page.text(), "b:2")
      yield* change(() => {
        connection.server.sendToClient({ _tag: "presence_diff", joins: [], leaves: [joined("b")] })
        connection.deliver()
      })
      assert.strictEqual(page.text(), "")
    }))
})

