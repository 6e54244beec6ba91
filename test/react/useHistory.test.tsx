import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Client } from "../../src/client/Client.ts"
import { useHistory } from "../../src/react/index.ts"
import { otherUser, uuid } from "../client/ScriptedServer.ts"
import { change, mount, Tree, useRoom } from "./Mounted.tsx"
import { onlineClient } from "./ScriptedConnection.ts"
describe("useHistory", () => {
  const History = ({ limit = 3 }) =>
    useHistory(useRoom(), { limit }).map(({ event, seq }) => {
      const { _tag, content } = event as { readonly _tag: string; readonly content?: string }
      return `${seq} ${content === undefined ? _tag : JSON.parse(content)}`
    }).join()
  const Page = ({ client, ...props }: { readonly client: Client; readonly limit?: number }) => (
    <Tree client={client}>
      <History {...props} />
    </Tree>
  )
  const post = (n: number) => ({ _tag: "send_message", content: `n${n}` }) as const

  it.live("[SYN3] has the newest events in order, each once, also over a lost connection and a repeated delta", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const { server } = connection
      const page = yield* mount(<Page client={client} />)
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "")
      for (const n of [3, 4, 5]) server.append(uuid(n), otherUser, post(n))
      server.toClient.push(...server.toClient)
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "3 n3,4 n4,5 n5")
      yield* change(() => client.stop())
      server.append(uuid(6), otherUser, post(6))
      yield* change(() => client.start())
      yield* change(() => connection.deliver())
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "4 n4,5 n5,6 n6")
      yield* page.render(<Page client={client} limit={2} />)
      server.append(uuid(7), otherUser, post(7))
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "6 n6,7 n7")
    }))

  it.live("[SYN3] [SYN8] starts anew after a snapshot, which has no events, and when the log has another epoch", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const { server } = connection
      const page = yield* mount(<Page client={client} />)
      yield* change(() => connection.deliver())
      server.append(uuid(3), otherUser, post(3))
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "3 n3")
      for (const restore of [false, true]) {
        yield* change(() => client.stop())
        if (restore) server.epoch = "e2"
        else for (const n of [4, 5, 6]) server.append(uuid(n), otherUser, post(n))
        yield* change(() => client.start())
        yield* change(() => connection.deliver())
        yield* change(() => connection.deliver())
        assert.strictEqual(page.text(), "")
        const next = server.log.length + 1
        server.append(uuid(next), otherUser, post(next))
        yield* change(() => connection.deliver())
        assert.strictEqual(page.text(), `${next} n${next}`)
      }
    }))
})
