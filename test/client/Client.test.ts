import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Ids } from "../../src/client/index.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { awaitView, confirmedPosts, connectClient } from "./ClientSocketFixture.ts"
import { otherUser, uuid } from "./ScriptedServer.ts"

describe("Client", () => {
  it.live("[SYN2][SYN4] a cut connection resumes from its position; no event is lost and no command repeated", () =>
    Effect.scoped(Effect.gen(function*() {
      const { lobby, server, sockets } = yield* connectClient
      yield* Effect.forkScoped(Stream.runDrain(lobby.views))
      yield* awaitView(lobby, (view) => view.sync._tag === "Live")
      for (const socket of sockets) socket.terminate()
      server.append(uuid(8), otherUser, { _tag: "send_message", content: "meanwhile" })
      yield* lobby.send({ _tag: "send_message", content: "mine" }, uuid(9))
      const view = yield* awaitView(lobby, (view) => view.confirmed.messages.length === 2)
      assert.deepStrictEqual(confirmedPosts(view), ["meanwhile", "mine"])
      assert.deepStrictEqual(server.receivedIds, [uuid(9)])
    })))

  it.live("throws for a topic of another kind, and for another kind of one name; learns kinds as they are used", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client } = yield* connectClient
      const thread = Ids.TopicId.make("thread:t")
      assert.throws(() => client.topic(roomKind, thread), /is not of the kind "room"/)
      assert.strictEqual(client.topic(threadKind, thread).id, thread)
      assert.throws(() => client.topic({ ...threadKind }, thread), /another kind of the name "thread"/)
    })))
})
