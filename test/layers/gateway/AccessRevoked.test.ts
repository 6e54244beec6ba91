/** A user loses access to a thread during a subscription (THR10, SEC7). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  makeTestUser,
  openClient,
  type ReceivedMessage,
  receiveUntilReply,
  signIn,
  startListening,
  wsServerLayer
} from "../../support/TestUsers.ts"

const presentUsers = ({ payload }: ReceivedMessage) =>
  (payload["presence"] as ReadonlyArray<{ readonly user: string }>).map(({ user }) => user)

describe("a user whose access to a thread is revoked", () => {
  it.live("[SEC7] is removed from its presence, and sets no signals there", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [ada, ben] = [makeTestUser(), makeTestUser()]
      const [remaining, leaving] = [yield* openClient(url), yield* openClient(url)]
      yield* signIn(remaining, ada)
      yield* signIn(leaving, ben)
      const thread = `thread:${remaining.send("create_thread", { name: "Private", visibility: "members" })}`
      yield* remaining.nextOf("receipt")
      remaining.send("invite_co_author", { user: ben.key }, thread)
      yield* remaining.nextOf("receipt")
      for (const client of [remaining, leaving]) {
        client.send("subscribe", {}, thread)
        yield* client.nextOf("subscribed")
      }
      leaving.send("signal", { key: "cursor", value: 1 }, thread)
      yield* remaining.nextOf("signal")
      leaving.send("divest", {}, thread)
      yield* leaving.nextOf("unsubscribed")
      leaving.send("signal", { key: "cursor", value: 2 }, thread)
      yield* receiveUntilReply(leaving)
      const since = yield* receiveUntilReply(remaining)
      const signals = since.filter(({ type }) => type === "signal").map(({ payload }) => payload["value"])
      assert.deepStrictEqual(signals, [null])
      const later = yield* openClient(url)
      yield* signIn(later, ada)
      later.send("subscribe", {}, thread)
      assert.deepStrictEqual(presentUsers(yield* later.nextOf("subscribed")), [ada.key, ada.key])
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))
})
