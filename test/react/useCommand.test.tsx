import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { roomKind } from "../../src/domain/room/Room.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { TopicId } from "../../src/domain/protocol/Ids.ts"
import { useCommand, useOutbox, useTopic } from "../../src/react/index.ts"
import { topic as lobby } from "../client/ScriptedServer.ts"
import { change, mount, mountOn, Tree, useRoom } from "./Mounted.tsx"
import { onlineClient } from "./ScriptedConnection.ts"

const otherRoom = TopicId.make("room:other")
describe("useCommand", () => {
  it.live("[SYN5] counts commands without an answer, and reports why the last one was rejected", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const receipts: Array<unknown> = []
      let send: ReturnType<typeof useCommand<unknown, RoomModel.CommandInput>>["send"]
      const Form = () => {
        const sender = useCommand(useRoom())
        send = sender.send
        return `${sender.pending} ${sender.rejection?.code}`
      }
      const page = yield* mountOn(client, <Form />)
      const submit = (command: RoomModel.CommandInput) =>
        change(() => void send(command).then((receipt) => receipts.push(receipt?.seq)))
      yield* submit({ _tag: "delete_entry", key: "none" })
      assert.strictEqual(page.text(), "1 undefined")
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "0 rule_violated")
      yield* submit({ _tag: "send_message", content: "one" })
      yield* submit({ _tag: "send_message", content: "two" })
      assert.strictEqual(page.text(), "2 undefined")
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "0 undefined")
      assert.deepStrictEqual(receipts, [undefined, 3, 4])
    }))

  it.live("shows another topic nothing of a command that was sent before", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      let send: ReturnType<typeof useCommand<unknown, RoomModel.CommandInput>>["send"]
      const Form = ({ id }: { readonly id: TopicId }) => {
        const sender = useCommand(useTopic(roomKind, id))
        send = sender.send
        return `${sender.pending} ${sender.rejection?.code}`
      }
      const tree = (id: TopicId) => <Tree client={client}><Form id={id} /></Tree>
      const page = yield* mount(tree(lobby))
      yield* change(() => void send({ _tag: "delete_entry", key: "none" }))
      yield* page.render(tree(otherRoom))
      assert.strictEqual(page.text(), "0 undefined")
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "0 undefined")
      yield* page.render(tree(lobby))
      assert.strictEqual(page.text(), "0 rule_violated")
    }))

  it.live("goes on when its component is unmounted, and its result changes nothing then", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      let receipt: Promise<unknown> | undefined
      let send: ReturnType<typeof useCommand<unknown, RoomModel.CommandInput>>["send"]
      const Form = () => {
        send = useCommand(useRoom()).send
        return null
      }
      const page = yield* mountOn(client, <Form />)
      yield* change(() => void (receipt = send({ _tag: "send_message", content: "mine" })))
      yield* page.render(null)
      yield* change(() => connection.deliver())
      assert.deepInclude(yield* Effect.promise(() => receipt!), { seq: 3 })
    }))
})

describe("useOutbox", () => {
  it.live("[SYN10] shows a command as queued, then as sent, then no more", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* onlineClient
      const Outbox = ({ all = false }) =>
        useOutbox(all ? undefined : useRoom())
          .map(({ at, command, stage, topic }) => `${stage} ${command._tag} ${topic} ${at > 0}`).join()
      const page = yield* mountOn(client, [<Outbox key="own" />, "|", <Outbox key="all" all />])
      client.stop()
      client.start()
      const pending = `send_message ${lobby} true`
      yield* change(() => client.topic(roomKind, lobby).sendPromise({ _tag: "send_message", content: "mine" }))
      assert.strictEqual(page.text(), `queued ${pending}|queued ${pending}`)
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), `sent ${pending}|sent ${pending}`)
      yield* change(() => connection.deliver())
      assert.strictEqual(page.text(), "|")
    }))

  it.live("has the commands of other topics only when it is of all", () =>
    Effect.gen(function*() {
      const { client } = yield* onlineClient
      const Outbox = () => `${useOutbox(useRoom()).length} ${useOutbox().length}`
      const page = yield* mountOn(client, <Outbox />)
      const other = client.topic(roomKind, otherRoom)
      yield* change(() => other.sendPromise({ _tag: "join_room" }))
      assert.strictEqual(page.text(), "0 1")
    }))
})

