/** Views and the client's state as hooks, on a client whose frames arrive when the test says so. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ReactNode } from "react"
import { renderToString } from "react-dom/server"
import { roomKind } from "../../src/domain/room/Room.ts"
import {
  useClient,
  useClientState,
  useCommand,
  useHistory,
  useOutbox,
  usePhase,
  usePresence,
  useSignals,
  useView
} from "../../src/react/index.ts"
import { otherUser, topic as lobby, uuid } from "../client/ScriptedServer.ts"
import { change, mount, mountOn, Tree, useRoom } from "./Mounted.tsx"
import { onlineClient } from "./ScriptedConnection.ts"
const Messages = (): ReactNode =>
  useView(useRoom(), (view) => view?.state.messages.map(({ content }) => String(JSON.parse(content))).join(" ") ?? "none")

const Seq = (): ReactNode => useView(useRoom(), (view) => `at ${view?.position?.seq}`)

describe("ChoirProvider", () => {
  it.live("gives its client; without one, hooks say what is missing", () =>
    Effect.gen(function*() {
      const { client } = yield* onlineClient
      const Me = () => useClient().me
      assert.strictEqual((yield* mountOn(client, <Me />)).text(), client.me)
      assert.throws(() => renderToString(<Me />), /outside of a ChoirProvider/)
    }))
})

describe("useView", () => {
  it.live("[SYN10] shows optimistic state, and what the server makes of it", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const page = yield* mountOn(client, <Messages />)
      assert.strictEqual(page.text(), "")
      yield* change(() => connection.deliver())
      yield* change(() => client.topic(roomKind, lobby).sendPromise({ _tag: "send_message", content: "mine" }))
      assert.strictEqual(page.text(), "mine")
      assert.lengthOf(connection.server.stateAt(Infinity).messages, 1)
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "mine")
    }))

  it.live("renders again only when the selection has other content", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      let renders = 0
      let effects = new Set<unknown>()
      const Count = () => {
        // A new function and a new array each time.
        const users = useView(useRoom(), (view) => view?.state.members.map((member) => ({ member })) ?? [])
        renders++
        effects.add(users)
        return users.length
      }
      const page = yield* mountOn(client, <Count />, false)
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "2")
      const before = renders
      effects = new Set()
      for (const n of [10, 11]) {
        yield* change(() => {
          connection.server.append(uuid(n), otherUser, { _tag: "send_message", content: "theirs" })
          connection.deliver()
        })
      }
      assert.strictEqual(client.state().replicas.get(lobby)?.position?.seq, 4)
      assert.strictEqual(renders, before)
      yield* change(() => {
        connection.server.append(uuid(12), otherUser, { _tag: "leave_room" })
        connection.deliver()
      })
      assert.deepStrictEqual([page.text(), renders, effects.size], ["1", before + 1, 1])
    }))

  it.live("[SYN10] components of one topic share a subscription, which the last one ends", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const both = <Tree client={client}><Messages /><Seq /></Tree>
      const page = yield* mount(both)
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "at 2")
      yield* page.render(<Tree client={client}><Seq /></Tree>)
      assert.deepStrictEqual([connection.count("subscribe"), connection.count("unsubscribe")], [1, 0])
      yield* page.render(<Tree client={client}>nothing</Tree>)
      assert.strictEqual(connection.count("unsubscribe"), 1)
      assert.strictEqual(client.state().replicas.size, 0)
    }))

  it.live("[SYN10] a component that takes another's place goes on with its subscription", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const page = yield* mount(<Tree client={client}><Messages /></Tree>)
      yield* change(() => connection.deliver())
      yield* page.render(<Tree client={client}><Seq /></Tree>)
      assert.strictEqual(page.text(), "at 2")
      assert.deepStrictEqual([connection.count("subscribe"), connection.count("unsubscribe")], [1, 0])
    }))

  it.live("is rendered on a server, where nothing is subscribed to", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const Everything = () => {
        const topic = useRoom()
        const counts = [usePresence(topic), useSignals(topic, "typing"), useOutbox(topic), useHistory(topic, { limit: 1 })]
        return [usePhase()._tag, useCommand(topic).pending, ...counts.map(({ length }) => length)].join(" ")
      }
      const html = renderToString(<Tree client={client}><Everything /></Tree>)
      assert.strictEqual(html, "Authenticated 0 0 0 0 0")
      assert.strictEqual(connection.count("subscribe"), 0)
    }))
})

describe("useClientState and usePhase", () => {
  it.live("[SYN10] follow the connection", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const Status = () =>
        `${usePhase()._tag} ${useClientState((state) => state.init?.user.balance)} ${useView(useRoom(), () => "")}`
      const page = yield* mountOn(client, <Status />)
      assert.strictEqual(page.text(), "Authenticated 10000 ")
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "Subscribed 10000 ")
      yield* change(() => client.stop())
      assert.strictEqual(page.text(), "Disconnected 10000 ")
    }))
})

