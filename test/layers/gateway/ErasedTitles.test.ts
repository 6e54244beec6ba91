/** The title of a thread is erased while users have it in their lists (TOP10). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  connectSignedIn,
  type ReceivedMessage,
  receiveUntilReply,
  request,
  startListening,
  wsServerLayer
} from "../../support/TestUsers.ts"

describe("an erased title", () => {
  it.live("[TOP10] is announced at once to who may read the thread, subscribed or not, and to nobody else", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [ada, ben, stranger] = yield* Effect.all([connectSignedIn(url), connectSignedIn(url), connectSignedIn(url)])
      const [hidden, open] = ["members", "public"].map((visibility) =>
        `thread:${ada.send("create_thread", { name: "Walrus", visibility })}`
      )
      yield* request(ada, "invite_co_author", { user: ben.user.key }, hidden)
      for (const thread of [hidden, open]) yield* request(ada, "erase", { seq: 1 }, thread)
      // Neither erasing it again nor another change of the thread says it again.
      yield* request(ada, "erase", { seq: 1 }, open)
      yield* request(ada, "submit_message", { content: "more" }, open)
      const announced = (messages: ReadonlyArray<ReceivedMessage>) =>
        messages.flatMap(({ thread_id, type }) => type === "title_erased" ? [thread_id] : [])
      assert.deepStrictEqual(announced(yield* receiveUntilReply(ben)), [hidden, open])
      assert.deepStrictEqual(announced(yield* receiveUntilReply(stranger)), [open])
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))
})
