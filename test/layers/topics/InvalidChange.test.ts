/** A host of a kind whose `evolve` is wrong: the command is refused, for its user and in a simulation, and nothing is appended. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, HashMap } from "effect"
import { balanceOf, ledgerKind } from "../../../src/domain/ledger/Ledger.ts"
import type * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import { type Author, CommandId, isUser, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { roomKind } from "../../../src/domain/room/Room.ts"
import type * as RoomModel from "../../../src/domain/room/RoomModel.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import type { AnyKind } from "../../../src/domain/topic/Topic.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { Topics } from "../../../src/services/Topics.ts"
import { recordErrors } from "../../support/ErrorLog.ts"
import { layer } from "../../support/TopicHostFixture.ts"
import { userId } from "../../support/TopicWorld.ts"

interface Planted {
  readonly title: string
  readonly kind: AnyKind
  readonly topic: string
  readonly author: Author
  /** Accepted, then refused. */
  readonly inputs: readonly [valid: unknown, invalid: unknown]
  readonly fault: string
}

const planted: ReadonlyArray<Planted> = [
  {
    title: "a thread that loses its co-authors",
    kind: {
      ...threadKind,
      evolve: (state: ThreadModel.State, event: ThreadModel.Event) => {
        const next = threadKind.evolve(state, event)
        return event._tag === "MessagePublished" ? { ...next, co_authors: [] } : next
      }
    } as AnyKind,
    topic: "thread:t",
    author: userId(0),
    inputs: [{ _tag: "create_thread", name: "T" }, { _tag: "submit_message", content: "hello" }],
    fault: "no co-author; a co-author is missing who did not leave"
  },
  {
    title: "a ledger that creates tokens",
    kind: {
      ...ledgerKind,
      evolve: (state: LedgerModel.State, event: LedgerModel.Event) => {
        const next = ledgerKind.evolve(state, event)
        return event._tag === "Rewarded"
          ? { ...next, accounts: HashMap.set(next.accounts, "treasury", balanceOf(state, "treasury")) }
          : next
      }
    } as AnyKind,
    topic: "ledger:main",
    author: "system:server",
    inputs: [
      { _tag: "Grant", user: userId(0) },
      { _tag: "Reward", asker: userId(0), author: userId(1), amount: 5, thread: "thread:t", prompt: "p" }
    ],
    fault: "a balance is not what was moved; the accounts do not add up to the supply"
  },
  {
    title: "a room that forgets a message",
    kind: {
      ...roomKind,
      evolve: (state: RoomModel.State, event: RoomModel.Event) => ({
        ...roomKind.evolve(state, event),
        ...(event._tag === "MessageSent" ? { messages: state.messages } : undefined)
      })
    } as AnyKind,
    topic: "room:r",
    author: userId(0),
    inputs: [{ _tag: "join_room" }, { _tag: "send_message", content: "hello" }],
    fault: "a message is missing"
  }
]

describe("a kind with a wrong evolve", () => {
  for (const { author, fault, inputs: [valid, invalid], kind, title, topic: name } of planted) {
    const errors: Array<string> = []
    it.effect(`[THR8] ${title}: the command is refused, and nothing is appended`, () =>
      Effect.gen(function*() {
        const topics = yield* Topics
        const log = yield* EventLog
        const topic = TopicId.make(name)
        yield* topics.submit(topic, { id: CommandId.make("a"), author, input: valid })
        const request = { id: CommandId.make("b"), author, input: invalid }
        const simulated = yield* Effect.flip(topics.simulate(topic, request))
        assert.lengthOf(errors, 0)
        const refused = yield* Effect.flip(topics.submit(topic, request))
        assert.strictEqual(simulated.rejection.code, "rule_violated")
        // The server tries its own inputs again.
        assert.strictEqual(refused.rejection.code, isUser(author) ? "rule_violated" : "internal")
        for (const { rejection } of [simulated, refused]) {
          assert.strictEqual(rejection.rule, "THR8")
          assert.isTrue(rejection.message.endsWith(`: ${fault}`), rejection.message)
        }
        assert.lengthOf(yield* log.read(topic, { after: 0, limit: 10 }), 1)
        assert.lengthOf(errors, 1)
      }).pipe(Effect.provide(layer(undefined, kind)), recordErrors(errors)))
  }
})
