/** What a run of the Chorus shows to whom, on a whole server, over sockets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Prior } from "../../../src/domain/chorus/ChorusModel.ts"
import { socketUrl, startInProcessServer } from "../../support/InProcessServer.ts"
import { receivedEvents } from "../../support/Published.ts"
import { unlimitedBudgets } from "../../support/RoomClients.ts"
import {
  connectSignedIn,
  type ReceivedMessage,
  receiveUntilReply,
  request,
  type SignedInClient
} from "../../support/TestUsers.ts"

const secret = "The vault opens with the code seven walrus four."
const question = "Which code opens the vault?"

interface StepEvent {
  readonly _tag: string
  readonly prompt_id?: string
  readonly output?: { readonly _tag: string; readonly priors?: ReadonlyArray<Prior> }
}

const eventsOf = ({ payload, type }: ReceivedMessage): ReadonlyArray<StepEvent> =>
  type === "delta" ? receivedEvents({ payload }) : []

const createThread = Effect.fnUntraced(
  function*(owner: SignedInClient, visibility: "public" | "members", guests: ReadonlyArray<SignedInClient> = []) {
    const created = yield* request(owner, "create_thread", { name: "A thread", visibility })
    const thread = String(created.payload["topic"])
    for (const guest of guests) {
      const [invitation] = [yield* request(owner, "invite_co_author", { user: guest.user.key }, thread)]
      assert.strictEqual(invitation.type, "receipt")
    }
    for (const client of [owner, ...guests]) yield* request(client, "subscribe", {}, thread)
    return thread
  }
)

/** All that a subscriber receives up to the answer to a prompt. */
const receiveAnswer = Effect.fnUntraced(function*(client: SignedInClient, prompt: string) {
  const received: Array<ReceivedMessage> = []
  for (;;) {
    const message = yield* client.next
    received.push(message)
    if (eventsOf(message).some(({ output, prompt_id }) => prompt_id === prompt && output?._tag === "yield")) break
  }
  return [...received, ...(yield* receiveUntilReply(client))]
})

/** Asks, and returns all that the subscribers received until the answer, by subscriber. */
const ask = Effect.fnUntraced(function*(subscribers: ReadonlyArray<SignedInClient>, thread: string) {
  const prompt = subscribers[0]!.send("submit_prompt", { prompt: question }, thread)
  return yield* Effect.forEach(subscribers, (client) => receiveAnswer(client, prompt))
})

const priorsIn = (received: ReadonlyArray<ReceivedMessage>): ReadonlyArray<Prior> =>
  received.flatMap(eventsOf).flatMap(({ output }) => output?.priors ?? [])

describe("what the Chorus reads for a thread", () => {
  it.live(
    "[CHO13] [SEC10] text of a members' thread reaches no reader of another thread who may not read it",
    () =>
      Effect.gen(function*() {
        const url = socketUrl(yield* startInProcessServer(unlimitedBudgets))
        const [ann, ben, cat] = [
          yield* connectSignedIn(url),
          yield* connectSignedIn(url),
          yield* connectSignedIn(url)
        ] as const
        const hidden = yield* createThread(ann, "members", [ben])
        assert.strictEqual((yield* request(ann, "submit_message", { content: secret }, hidden)).type, "receipt")
        const asPrior = ({ content, thread }: Prior) => content === secret && thread === hidden

        // The same two people, in another thread: the text is found, once the index has it.
        const together = yield* createThread(ben, "members", [ann])
        yield* Effect.repeat(ask([ben, ann], together), {
          until: ([received]) => priorsIn(received!).some(asPrior)
        })

        const open = yield* createThread(ann, "public")
        yield* request(cat, "subscribe", {}, open)
        const withCat = yield* createThread(ann, "members", [cat])
        for (const thread of [open, withCat]) {
          for (const received of yield* ask([ann, cat], thread)) {
            const text = JSON.stringify(received)
            assert.notInclude(text, "walrus", thread)
            assert.notInclude(text, hidden, thread)
          }
        }
      }).pipe(Effect.scoped),
    60_000
  )
})
