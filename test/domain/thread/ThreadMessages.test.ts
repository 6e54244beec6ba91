import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { UserId } from "../../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import { codecsFor } from "../../../src/domain/topic/KindCodecs.ts"
import { maxContentBytes } from "../../../src/domain/topic/MessageContent.ts"
import { plain } from "../../../src/domain/topic/SealedText.ts"
import { inputOf } from "../../support/SealedFixture.ts"
import { commandId } from "../../support/TopicWorld.ts"
import {
  alice,
  bob,
  carol,
  dave,
  deliverPending,
  importMessages,
  sendCommand,
  stateOf,
  submitMessage,
  submitPrompt,
  threadId,
  threadWorld
} from "./ThreadFixture.ts"

describe("Messages of co-authors", () => {
  it("a co-author imports several texts as one command, in order, each with its own id", () => {
    const world = threadWorld()
    assert.strictEqual(sendCommand(world, alice, importMessages("one", "two"), "import"), "ok")
    assert.deepStrictEqual(
      plain(stateOf(world)).messages.map(({ content, id, source }) => [id as string, content, source]),
      [["import.0", "one", "book.md#0"], ["import.1", "two", "book.md#1"]]
    )
    assert.strictEqual(stateOf(world).version, 3)
  })

  it("an import is all or nothing, and for co-authors only", () => {
    const world = threadWorld()
    assert.strictEqual(sendCommand(world, alice, importMessages("one", " "), "import"), "malformed THR2")
    assert.strictEqual(sendCommand(world, bob, importMessages("one"), "import"), "forbidden THR2")
    assert.strictEqual(
      sendCommand(world, alice, { _tag: "import_messages", messages: [{ content: "x", source: "\ud800" }] }),
      "malformed THR2"
    )
    assert.deepStrictEqual(stateOf(world).messages, [])
  })

  it("[THR2][THR8] a co-author's message is published at once, with its status and thread", () => {
    const world = threadWorld()
    assert.strictEqual(sendCommand(world, alice, submitMessage("hello", { source: "notes.md" }), "m"), "ok")
    assert.deepStrictEqual(plain(stateOf(world)).messages, [
      {
        id: commandId("m"),
        seq: 2,
        author: alice,
        content: "hello",
        at: world.now,
        thread: threadId,
        status: "published",
        approvals: [],
        source: "notes.md"
      }
    ])
  })

  it("[TOP7] a snapshot whose messages lack their status and thread is not used", () => {
    const world = threadWorld()
    sendCommand(world, alice, submitMessage("hello"))
    const { decodeState } = codecsFor(threadKind)
    const state = JSON.parse(JSON.stringify(stateOf(world))) as ThreadModel.State
    assert.isTrue(Result.isSuccess(decodeState(state)))
    const messages = state.messages.map(({ at, author, content, id, source }) => (
      { id, author, content, at, origin: "message", source }
    ))
    assert.isTrue(Result.isFailure(decodeState({ ...state, messages })))
  })

  it("[SYN4] messages, imports, submissions, prompts and invitations share their ids", () => {
    const commands: ReadonlyArray<readonly [UserId, ThreadModel.CommandInput]> = [
      [alice, submitMessage("hello")],
      [bob, submitMessage("let me in")],
      [alice, submitPrompt],
      [alice, { _tag: "invite_co_author", user: carol }]
    ]
    for (const [author, command] of commands) {
      const world = threadWorld()
      // So that an invitation waits for a vote.
      sendCommand(world, alice, { _tag: "invite_co_author", user: dave })
      assert.strictEqual(sendCommand(world, author, command, "used.0"), "ok")
      deliverPending(world)
      for (const [other, repeated] of [...commands, [alice, importMessages("one")] as const]) {
        if (author === other && author === bob) continue
        const id = commandId(repeated._tag === "import_messages" ? "used" : "used.0")
        const context = { id, author: other, now: world.now, seed: 0 }
        const decision = threadKind.decide(stateOf(world), inputOf(threadKind, repeated), context)
        const name = `${command._tag} by ${author}, ${repeated._tag} by ${other}`
        assert.strictEqual(Result.isFailure(decision) && decision.failure.code, "id_conflict", name)
      }
    }
  })

  it("[THR2] content is not blank, well-formed, and at most 32 KB", () => {
    const world = threadWorld()
    const refused = [" \n\t", "\ud800", "€".repeat(10_923), "😀".repeat(8_193)]
    for (const content of refused) {
      assert.strictEqual(sendCommand(world, alice, submitMessage(content)), "malformed THR2")
      assert.strictEqual(sendCommand(world, alice, { _tag: "submit_prompt", prompt: content }), "malformed THR2")
    }
    const tooLong = codecsFor(threadKind).decodeInput(submitMessage("x".repeat(maxContentBytes + 1)))
    assert.isTrue(Result.isFailure(tooLong) && tooLong.failure.path === "content")
    for (const content of ["x".repeat(maxContentBytes), "€".repeat(10_922), "😀".repeat(8_192)]) {
      assert.strictEqual(sendCommand(world, alice, submitMessage(content)), "ok")
    }
  })
})
