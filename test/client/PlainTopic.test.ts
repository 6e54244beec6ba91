/** Texts of a topic as its client's user sees them: as strings, sealed under a salt that outlives the process. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { Client, Keys } from "../../src/client/index.ts"
import { TopicId } from "../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { startInProcessServer } from "../support/InProcessServer.ts"

/** A client with this key, and one of its threads. */
const openThread = Effect.fnUntraced(function*(url: string, secret: string, id: string) {
  const client = yield* Client.make({ url, identity: yield* Keys.fromSecret(secret), kinds: [threadKind] })
  return Client.plainTopic(client.topic(threadKind, TopicId.make(`thread:${id}`)))
})

type Thread = Effect.Success<ReturnType<typeof openThread>>

const awaitSeq = (thread: Thread, seq: number) =>
  thread.views.pipe(
    Stream.filter(({ position }) => position !== undefined && position.seq >= seq),
    Stream.runHead,
    Effect.map(Option.getOrThrow)
  )

describe("a topic with strings in place of texts", () => {
  it.live("[TOP10] [SYN4] a command that is sent again after a crash, with its id and salt, is the same command", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer()
      const secret = yield* Keys.generateSecret
      const [created, id, salt] = [Client.commandId(), Client.commandId(), Client.commandSalt()]
      const message = { _tag: "submit_message", content: "once" } as const
      const seq = yield* Effect.scoped(Effect.gen(function*() {
        const thread = yield* openThread(url, secret, created)
        yield* thread.send({ _tag: "create_thread", name: "Notes" }, created)
        return (yield* thread.send(message, id, salt)).seq
      }))
      const thread = yield* openThread(url, secret, created)
      assert.strictEqual((yield* thread.send(message, id, salt)).seq, seq)
      assert.strictEqual((yield* Effect.flip(thread.send(message, id))).reason.code, "id_conflict")
      assert.lengthOf((yield* awaitSeq(thread, seq)).confirmed.messages, 1)
    }).pipe(Effect.scoped))

  it.live("[TOP10] [SYN10] an erased text is shown as the mark; a view without a change stays the same object", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer()
      const id = Client.commandId()
      const thread = yield* openThread(url, yield* Keys.generateSecret, id)
      yield* thread.send({ _tag: "create_thread", name: "Notes" }, id)
      yield* Effect.acquireRelease(Effect.sync(() => thread.onView(() => {})), Effect.sync)
      const { seq } = yield* thread.send({ _tag: "submit_message", content: "a secret" })
      const before = (yield* awaitSeq(thread, seq)).confirmed
      assert.strictEqual(thread.view(), thread.view())
      assert.deepStrictEqual([before.title, before.messages[0]?.content], ["Notes", "a secret"])
      const erased = yield* thread.send({ _tag: "erase", seq })
      const after = (yield* awaitSeq(thread, erased.seq)).confirmed
      assert.deepStrictEqual([after.title, after.messages[0]?.content], ["Notes", "[erased]"])
      assert.strictEqual(after.runs, before.runs)
    }).pipe(Effect.scoped))
})
