/** A thread and the ledger, four users, and their commands: the fixture of the tests of a thread's rules. */
import { assert } from "@effect/vitest"
import * as Ledger from "../../../src/domain/ledger/Ledger.ts"
import * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import type { Author, UserId } from "../../../src/domain/protocol/Ids.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import type { Erase } from "../../../src/domain/topic/Erasure.ts"
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

/** The thread of the tests. */
export const threadId = topicId("thread:t")
/** The creator of the thread. */
export const alice = userId(0)
/** A second user. */
export const bob = userId(1)
/** A third user. */
export const carol = userId(2)
/** A fourth user. */
export const dave = userId(3)

/** The state of the thread. */
export const stateOf = (world: TopicWorld) => getTopic(world, threadId).state as ThreadModel.State
/** The balance of an account in the ledger. */
export const balanceOf = (world: TopicWorld, account: LedgerModel.AccountId) =>
  Ledger.balanceOf(getTopic(world, LedgerModel.mainLedger).state as LedgerModel.State, account)
/** The balance of a user in the ledger. */
export const userBalance = (world: TopicWorld, holder: UserId) => balanceOf(world, LedgerModel.userAccount(holder))
/** The n-th submission of the thread. */
export const submissionAt = (world: TopicWorld, n = 0) => stateOf(world).submissions[n]

const names = new Map<Author, string>([[alice, "alice"], [bob, "bob"], [carol, "carol"], [dave, "dave"]])
/** The name of one of the four users. */
export const nameOf = (author: Author) => names.get(author)
/** The names of the co-authors, in order of joining. */
export const coAuthorNames = (world: TopicWorld) => stateOf(world).co_authors.map(nameOf)

let commandCount = 0
/** Applies a command. Returns `ok`, or the code and rule of its rejection. */
export const sendCommand = (
  world: TopicWorld,
  author: Author,
  command: ThreadModel.CommandInput | typeof Erase.Encoded,
  idText = `c${commandCount++}`
): string => {
  const rejection = applyCommand(world, threadId, commandId(idText), author, command)
  return rejection === undefined ? "ok" : `${rejection.code} ${rejection.rule}`
}

/** Delivers all commands and answers between thread and ledger; steps of the Chorus stay pending. */
export const deliverPending = (world: TopicWorld) => {
  deliverAll(world)
  return world
}

/** Submits a message or publishes it. */
export const submitMessage = (
  content: string,
  options: { readonly stake?: number; readonly source?: string } = {}
): ThreadModel.CommandInput => ({ _tag: "submit_message", content, ...options })
/** Votes on a submission or gate. */
export const voteOn = (message_id: string, decision: ThreadModel.VoteChoice): ThreadModel.CommandInput => ({
  _tag: "process_approval",
  message_id: commandId(message_id),
  decision
})
/** Imports texts as one command. */
export const importMessages = (...contents: ReadonlyArray<string>): ThreadModel.CommandInput => ({
  _tag: "import_messages",
  messages: contents.map((content, n) => ({ content, source: `book.md#${n}` }))
})
/** Creates the thread; the name has blanks around it. */
export const createThread = { _tag: "create_thread", name: " Bread " } as const satisfies ThreadModel.CommandInput
/** Closes the thread. */
export const closeThread: ThreadModel.CommandInput = { _tag: "close_thread" }
/** Prompts the Chorus. */
export const submitPrompt: ThreadModel.CommandInput = { _tag: "submit_prompt", prompt: "why?" }

/** A world with the thread of Alice. */
export const threadWorld = (command: ThreadModel.CommandInput = createThread) => {
  const world = makeTopicWorld()
  assert.strictEqual(sendCommand(world, alice, command, "create"), "ok")
  return world
}

/** A world with the thread of Alice and submissions by others; all but the last are approved. */
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
