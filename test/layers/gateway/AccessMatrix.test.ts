/** The access matrix: every command and query, by every role, on a real thread and on a random id (SEC9). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { controlPayloads, threadCommandPayloads } from "../../support/AllMessages.ts"
import {
  makeTestUser,
  openClient,
  type RawClient,
  type ReceivedMessage,
  receiveUntilReply,
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

/** What succeeds for all members; other requests are rejected for reasons other than access. */
const allowedToAll = ["submit_message", "import_messages", "submit_prompt", "get_thread", "subscribe", "unsubscribe"]
const granted = {
  member: [...allowedToAll, "invite_co_author", "divest"],
  // Runs after the member, who has invited the same user; and the last co-author cannot leave.
  owner: allowedToAll
}

type Reply = Pick<ReceivedMessage, "type" | "payload">

/** Every reply is `not_found`, but for `unsubscribe`, which always succeeds. */
const assertNotFound = (type: string, replies: ReadonlyArray<Reply>) => {
  for (const answer of replies) {
    if (type === "unsubscribe") assert.strictEqual(answer.type, "unsubscribed")
    else assert.strictEqual(answer.payload["code"], "not_found", type)
  }
}

/** The replies to a request, without ids that differ by themselves. */
const collectReplies = Effect.fnUntraced(function*(
  client: RawClient,
  type: string,
  payload: object,
  thread: string,
  id?: string
) {
  const ref = client.send(type, payload, thread, id === undefined ? {} : { id })
  return (yield* receiveUntilReply(client)).flatMap(({ payload: { ref_id, ...rest }, type }): ReadonlyArray<Reply> =>
    ref_id === ref ? [{ type, payload: rest }] : []
  )
})

/** Signs in as a new user. */
const signInAs = Effect.fnUntraced(function*(url: string) {
  const user = makeTestUser()
  const client = yield* openClient(url)
  yield* signIn(client, user)
  return { client, key: user.key }
})

/** Sends a command and waits for its receipt; returns its id. */
const sendCommand = Effect.fnUntraced(function*(client: RawClient, type: string, payload: object, thread?: string) {
  const id = client.send(type, payload, thread)
  yield* Effect.repeat(client.next, {
    until: ({ payload, type }) => type === "receipt" && payload["ref_id"] === id
  })
  return id
})

describe("access by role", () => {
  it.effect("[SEC9] [AUT4] owner, member, outsider, former member and anonymous, on a real and on a random id", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const signInUser = signInAs(url)
      const [owner, member, outsider, formerMember] = yield* Effect.all([
        signInUser,
        signInUser,
        signInUser,
        signInUser
      ])
      const anonymous = yield* openClient(url)
      const differs: Record<keyof typeof granted, Array<string>> = { member: [], owner: [] }
      for (const [type, payload] of Object.entries(requests)) {
        const made = yield* sendCommand(owner.client, "create_thread", { name: "Ours", visibility: "members" })
        const ours = `thread:${made}`
        yield* sendCommand(owner.client, "invite_co_author", { user: formerMember.key }, ours)
        yield* sendCommand(formerMember.client, "divest", {}, ours)
        yield* sendCommand(owner.client, "invite_co_author", { user: member.key }, ours)
        const nowhere = `thread:${uuid()}`
        for (const { client } of [outsider, formerMember]) {
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

  it.effect("[SEC9] [AUT4] an id that is used in a members' thread is not known to be, but to its own author", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, outsider, formerMember] = yield* Effect.all([signInAs(url), signInAs(url), signInAs(url)])
      const made = yield* sendCommand(owner.client, "create_thread", { name: "Ours", visibility: "members" })
      const ours = `thread:${made}`
      const invited = yield* sendCommand(owner.client, "invite_co_author", { user: formerMember.key }, ours)
      const written = yield* sendCommand(owner.client, "submit_message", { content: "Ours" }, ours)
      const left = yield* sendCommand(formerMember.client, "divest", {}, ours)
      // Also while the thread is in memory, where a batch may begin with the owner's command.
      for (const subscribed of [false, true]) {
        if (subscribed) yield* collectReplies(owner.client, "subscribe", {}, ours)
        for (const [type, payload] of Object.entries(threadCommandPayloads)) {
          for (const id of [made, invited, written, left]) {
            for (const { client } of [outsider, formerMember]) {
              // Two commands of one id and author: the first was a member's, and its receipt is still due.
              if (client === formerMember.client && id === left) continue
              const answers = yield* collectReplies(client, type, payload, ours, id)
              assert.deepStrictEqual(answers.map(({ payload }) => payload["code"]), ["not_found"], `${type} ${id}`)
              if (type === "create_thread") continue
              const nowhere = yield* collectReplies(client, type, payload, `thread:${uuid()}`, id)
              assert.deepStrictEqual(answers, nowhere)
            }
          }
        }
        const [repeated] = yield* collectReplies(formerMember.client, "divest", {}, ours, left)
        assert.strictEqual(repeated?.type, "receipt")
      }
    }).pipe(Effect.provide(wsServerLayer({ limits }))))
})
