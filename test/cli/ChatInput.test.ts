import { assert, describe, it } from "@effect/vitest"
import * as ChatInput from "../../src/cli/ChatInput.ts"
import { CommandId, TopicId, type UserId } from "../../src/domain/protocol/Ids.ts"
import { initial } from "../../src/domain/thread/ThreadLifecycle.ts"
import type { PendingApproval, State } from "../../src/domain/thread/ThreadModel.ts"
import { me, uuid } from "../client/ScriptedServer.ts"

const invitation = (id: string, voters: ReadonlyArray<UserId>): PendingApproval => ({
  id: CommandId.make(id),
  action: { _tag: "Invite", user: me },
  by: me,
  voters,
  votes: [],
  opened_at: 0,
  expires_at: 1
})
const state: State = {
  ...initial(TopicId.make("thread:t")),
  gates: [invitation(`aaaa${uuid(1).slice(4)}`, [me]), invitation(`bbbb${uuid(2).slice(4)}`, [])]
}
const parse = (line: string, at = state) => ChatInput.parseLine(line, at, me)

describe("a line of choir chat", () => {
  it("[THR3] [THR9] votes on what its id begins with, and without an id on the only one that waits", () => {
    const [first, second] = state.gates
    const vote = (id: CommandId, decision: "approve" | "deny") => ({
      command: { _tag: "process_approval", message_id: id, decision }
    })
    assert.deepStrictEqual<unknown>(parse("/approve"), vote(first!.id, "approve"))
    assert.deepStrictEqual<unknown>(parse("/deny bbbb"), vote(second!.id, "deny"))
    assert.property(parse("/approve cccc"), "problem")
    assert.property(parse("/approve", { ...state, gates: [] }), "problem")
    const twice = parse("/approve", { ...state, gates: [first!, { ...second!, voters: [me] }] })
    assert.include("problem" in twice ? twice.problem : "", "aaaa")
  })

  it("invites, asks, leaves and closes; anything else after a slash gets help, and other lines are messages", () => {
    assert.deepStrictEqual<unknown>(parse(`/invite ${me}`), { command: { _tag: "invite_co_author", user: me } })
    assert.property(parse("/invite abc"), "problem")
    assert.deepStrictEqual<unknown>(parse("/ask Why?"), { command: { _tag: "submit_prompt", prompt: "Why?" } })
    assert.deepStrictEqual<unknown>(parse("/leave"), { command: { _tag: "divest" } })
    assert.deepStrictEqual<unknown>(parse("/close"), { command: { _tag: "close_thread" } })
    for (const line of ["/", "/ask", "/what", "/etc/hosts"]) {
      assert.deepStrictEqual(parse(line), { problem: ChatInput.help })
    }
    assert.deepStrictEqual<unknown>(parse("a /ask"), { command: { _tag: "submit_message", content: "a /ask" } })
  })
})
