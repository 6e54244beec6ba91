/** A thread beside the ledger, four people, and what they say in it: for the tests of a thread's rules. */
import { assert } from "@effect/vitest"
import * as Ledger from "../../../src/domain/ledger/Ledger.ts"
import * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import type { Author, UserId } from "../../../src/domain/protocol/Ids.ts"
import type * as Model from "../../../src/domain/thread/ThreadModel.ts"
import {
  applyCommand,
  commandId,
  deliverAll,
  getTopic,
  makeTopicWorld,
  topicId,
  type TopicWorld,
  userId
} from "../../support/TopicWorld.ts"

export const threadId = topicId("thread:t")
export const alice = userId(0)
export const bob = userId(1)
export const carol = userId(2)
export const dave = userId(3)

export const stateOf = (world: TopicWorld) => getTopic(world, threadId).state as Model.State
export const balanceOf = (world: TopicWorld, account: LedgerModel.AccountId) =>
  Ledger.balanceOf(getTopic(world, LedgerModel.mainLedger).state as LedgerModel.State, account)
export const userBalance = (world: TopicWorld, holder: UserId) => balanceOf(world, LedgerModel.userAccount(holder))
export const submissionAt = (world: TopicWorld, n = 0) => stateOf(world).submissions[n]

const names = new Map<Author, string>([[alice, "alice"], [bob, "bob"], [carol, "carol"], [dave, "dave"]])
export const nameOf = (author: Author) => names.get(author)
export const coAuthorNames = (world: TopicWorld) => stateOf(world).co_authors.map(nameOf)

let commandCount = 0
/** Sends a command; `ok`, or the code of its refusal with the rule's id. */
export const sendCommand = (
  world: TopicWorld,
  author: Author,
  command: Model.Command,
  idText = `c${commandCount++}`
): string => {
  const rejection = applyCommand(world, threadId, commandId(idText), author, command)
  return rejection === undefined ? "ok" : `${rejection.code} ${rejection.rule}`
}

/** Carries everything between thread and ledger; the Chorus stays silent. */
export const deliverPending = (world: TopicWorld) => {
  deliverAll(world)
  return world
}

export const submitMessage = (
  content: string,
  options: { readonly stake?: number; readonly source?: string } = {}
): Model.Command => ({ _tag: "submit_message", content, ...options })
export const voteOn = (message_id: string, decision: Model.VoteChoice): Model.Command => ({
  _tag: "process_approval",
  message_id: commandId(message_id),
  decision
})
/** Many pieces as one command. */
export const importMessages = (...contents: ReadonlyArray<string>): Model.Command => ({
  _tag: "import_messages",
  messages: contents.map((content, n) => ({ content, source: `book.md#${n}` }))
})
export const createThread = { _tag: "create_thread", name: " Bread " } as const satisfies Model.Command
export const closeThread: Model.Command = { _tag: "close_thread" }
export const submitPrompt: Model.Command = { _tag: "submit_prompt", prompt: "why?" }

/** A thread of Alice. */
export const threadWorld = (command: Model.Command = createThread) => {
  const world = makeTopicWorld()
  assert.strictEqual(sendCommand(world, alice, command, "create"), "ok")
  return world
}

/** A thread of Alice with submissions by others, each up for a vote; those before the last are approved. */
export const submissionWorld = (...authors: ReadonlyArray<UserId>) => {
  const world = threadWorld()
  for (const [n, author] of authors.entries()) {
    assert.strictEqual(sendCommand(world, author, submitMessage(`by ${nameOf(author)}`), `s${n}`), "ok")
    deliverPending(world)
    if (n === authors.length - 1) break
    for (const voter of stateOf(world).submissions[n]?.voters ?? []) {
      sendCommand(world, voter, voteOn(`s${n}`, "approve"))
    }
    deliverPending(world)
  }
  return world
}
