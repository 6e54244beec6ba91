/** Somebody loses access to a thread while they are connected to it (THR10, SEC7). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  makeTestUser,
  openClient,
  type RawClient,
  type ReceivedMessage,
  signIn,
  startListening,
  wsServerLayer
} from "../../support/TestUsers.ts"

/** What a client has heard once a question that it asks now is answered. */
const receiveUntilReply = (client: RawClient): Effect.Effect<ReadonlyArray<ReceivedMessage>> =>
  Effect.gen(function*() {
    const ref = client.send("heartbeat")
    const received: Array<ReceivedMessage> = []
    for (;;) {
      const message = yield* client.next
      if (message.payload["ref_id"] === ref) return received
      received.push(message)
    }
  })

const presentUsers = ({ payload }: ReceivedMessage) =>
  (payload["presence"] as ReadonlyArray<{ readonly user: string }>).map(({ user }) => user)

describe("somebody who is put out of a thread", () => {
  it.live("[SEC7] [THR10] is not shown there any more, and shows nothing there", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [ada, ben] = [makeTestUser(), makeTestUser()]
      const [stays, goes] = [yield* openClient(url), yield* openClient(url)]
      yield* signIn(stays, ada)
      yield* signIn(goes, ben)
      const thread = `thread:${stays.send("create_thread", { name: "Private", visibility: "members" })}`
      yield* stays.nextOf("receipt")
      stays.send("invite_co_author", { user: ben.key }, thread)
      yield* stays.nextOf("receipt")
      for (const client of [stays, goes]) {
        client.send("subscribe", {}, thread)
        yield* client.nextOf("subscribed")
      }
      goes.send("signal", { key: "cursor", value: 1 }, thread)
      yield* stays.nextOf("signal")
      goes.send("divest", {}, thread)
      yield* goes.nextOf("unsubscribed")
      goes.send("signal", { key: "cursor", value: 2 }, thread)
      yield* receiveUntilReply(goes)
      const since = yield* receiveUntilReply(stays)
      const signals = since.filter(({ type }) => type === "signal").map(({ payload }) => payload["value"])
      assert.deepStrictEqual(signals, [null])
      const later = yield* openClient(url)
      yield* signIn(later, ada)
      later.send("subscribe", {}, thread)
      assert.deepStrictEqual(presentUsers(yield* later.nextOf("subscribed")), [ada.key, ada.key])
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))
})
