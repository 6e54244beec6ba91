/** Every command and question, by everybody, of a thread that is theirs and of one that is not there (SEC9). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { controlPayloads, threadCommandPayloads } from "../../support/AllMessages.ts"
import {
  makeTestUser,
  openClient,
  type RawClient,
  type ReceivedMessage,
  signIn,
  startListening,
  uuid,
  wsServerLayer
} from "../../support/TestUsers.ts"

const limits = {
  messagesPerMinute: 1e6,
  messageBurst: 1e5,
  readsPerMinute: 1e6,
  readBurst: 1e5,
  signalsPerSecond: 1e5,
  authFrames: 1e5,
  authBytes: 1e8
}

const { create_thread: _, ...commands } = threadCommandPayloads
const { ack, desync, get_thread, signal, subscribe, unsubscribe } = controlPayloads
const requests: Readonly<Record<string, object>> = {
  ...commands,
  ack,
  desync,
  get_thread,
  signal,
  subscribe,
  unsubscribe
}

/** What is done for them; the rest is refused to them as well, for other reasons. */
const allowedToAll = ["submit_message", "import_messages", "submit_prompt", "get_thread", "subscribe", "unsubscribe"]
const granted = {
  member: [...allowedToAll, "invite_co_author", "divest"],
  // After the member, who has invited the same person; and the last one cannot leave.
  owner: allowedToAll
}

interface Reply {
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
}

/** Who wants to hear nothing more of a topic is told so, whatever there is. */
const assertNotFound = (type: string, replies: ReadonlyArray<Reply>) => {
  for (const answer of replies) {
    if (type === "unsubscribe") assert.strictEqual(answer.type, "unsubscribed")
    else assert.strictEqual(answer.payload["code"], "not_found", type)
  }
}

/** All that comes back, without the names that differ of themselves. */
const collectReplies = Effect.fnUntraced(function*(client: RawClient, type: string, payload: object, thread: string) {
  const ref = client.send(type, payload, thread)
  const end = client.send("heartbeat")
  const replies: Array<Reply> = []
  for (;;) {
    const message: ReceivedMessage = yield* client.next
    if (message.type === "heartbeat" && message.payload["ref_id"] === end) return replies
    const { ref_id, ...rest } = message.payload
    if (ref_id === ref) replies.push({ type: message.type, payload: rest })
  }
})

describe("who may what", () => {
  it.effect("[SEC9] [AUT4] [THR10] owner, member, stranger, one who has left, and nobody; here and nowhere", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const enter = Effect.gen(function*() {
        const who = makeTestUser()
        const client = yield* openClient(url)
        yield* signIn(client, who)
        return { client, key: who.key }
      })
      const [owner, member, stranger, left] = yield* Effect.all([enter, enter, enter, enter])
      const anonymous = yield* openClient(url)
      const say = Effect.fnUntraced(function*(client: RawClient, type: string, payload: object, thread?: string) {
        const id = client.send(type, payload, thread)
        yield* Effect.repeat(client.next, {
          until: ({ payload, type }) => type === "receipt" && payload["ref_id"] === id
        })
        return id
      })
      const differs: Record<keyof typeof granted, Array<string>> = { member: [], owner: [] }
      for (const [type, payload] of Object.entries(requests)) {
        const made = yield* say(owner.client, "create_thread", { name: "Ours", visibility: "members" })
        const ours = `thread:${made}`
        yield* say(owner.client, "invite_co_author", { user: left.key }, ours)
        yield* say(left.client, "divest", {}, ours)
        yield* say(owner.client, "invite_co_author", { user: member.key }, ours)
        const nowhere = `thread:${uuid()}`
        for (const { client } of [stranger, left]) {
          const real = yield* collectReplies(client, type, payload, ours)
          assert.deepStrictEqual(real, yield* collectReplies(client, type, payload, nowhere), type)
          assertNotFound(type, real)
        }
        for (const thread of [ours, nowhere]) {
          const [answer] = yield* collectReplies(anonymous, type, payload, thread)
          assert.deepInclude(answer?.payload ?? {}, { code: "unauthenticated" }, type)
        }
        for (const [role, { client }] of [["member", member], ["owner", owner]] as const) {
          const [real] = yield* collectReplies(client, type, payload, ours)
          if (real !== undefined && real.type !== "error") differs[role].push(type)
          assertNotFound(type, yield* collectReplies(client, type, payload, nowhere))
        }
      }
      assert.sameMembers(differs.member, granted.member)
      assert.sameMembers(differs.owner, granted.owner)
    }).pipe(Effect.provide(wsServerLayer({ limits }))))
})
