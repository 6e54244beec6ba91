import { assert, describe, it } from "@effect/vitest"
import * as ChatInput from "../../src/cli/ChatInput.ts"
import { CommandId, TopicId, type UserId } from "../../src/domain/protocol/Ids.ts"
import { initial } from "../../src/domain/thread/ThreadLifecycle.ts"
import type { PendingApproval, PlainMessage, PlainState } from "../../src/domain/thread/ThreadModel.ts"
import { erasedMark, plain } from "../../src/domain/topic/SealedText.ts"
import { me, otherUser as other, uuid } from "../client/ScriptedServer.ts"

const invitation = (id: string, voters: ReadonlyArray<UserId>): PendingApproval => ({
  id: CommandId.make(id),
  action: { _tag: "Invite", user: me },
  by: me,
  voters,
  votes: [],
  opened_at: 0,
  expires_at: 1
})
const state: PlainState = {
  ...plain(initial(TopicId.make("thread:t"))),
  gates: [invitation(`aaaa${uuid(1).slice(4)}`, [me]), invitation(`bbbb${uuid(2).slice(4)}`, [])]
}
const parse = (line: string, at = state, confirmed = at) => ChatInput.parseLine(line, { confirmed, state: at }, me)

const message = (id: string, seq: number, author: UserId, content: string, owner?: UserId): PlainMessage => ({
  id: CommandId.make(id),
  seq,
  author,
  ...(owner === undefined ? undefined : { owner }),
  content,
  at: seq,
  thread: state.id,
  status: "published",
  approvals: [],
  source: null
})

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

  it("[TOP10] [AUT8] erases what its id names, of the user's own words and those of their agents, and lists them", () => {
    const [mine, imported, agents] = [`aaaa${uuid(1).slice(4)}`, `${uuid(2)}.1`, `cccc${uuid(3).slice(4)}`]
    const messages = [
      message(mine, 2, me, "Mine"),
      message(imported, 3, me, "Imported\ntext"),
      message(`${imported}0`, 4, me, "The tenth"),
      message(agents, 5, other, "My agent's", me),
      message(`dddd${uuid(4).slice(4)}`, 6, other, "Somebody else's"),
      message(`eeee${uuid(5).slice(4)}`, 7, me, erasedMark)
    ]
    const at: PlainState = { ...state, messages }
    const erase = (seq: number, reason?: string) => ({
      command: { _tag: "erase", seq, ...(reason === undefined ? undefined : { reason }) }
    })
    assert.deepStrictEqual<unknown>(parse("/erase aaaa", at), erase(2))
    assert.deepStrictEqual<unknown>(parse("/erase aaaa  It was  wrong.", at), erase(2, "It was  wrong."))
    assert.deepStrictEqual<unknown>(parse(`/erase ${imported.slice(0, 8)}.1`, at), erase(3))
    assert.deepStrictEqual<unknown>(parse(`/erase ${imported}`, at), erase(3))
    assert.deepStrictEqual<unknown>(parse("/erase cccc", at), erase(5))
    const problem = (line: string, confirmed = at) => {
      const parsed = parse(line, at, confirmed)
      return "problem" in parsed ? parsed.problem : ""
    }
    assert.strictEqual(
      problem("/erase"),
      `Name what to erase by its id:\n  ${mine.slice(0, 8)} Mine\n  ${imported.slice(0, 8)}.1 Imported text\n`
        + `  ${imported.slice(0, 8)}.10 The tenth\n  ${agents.slice(0, 8)} My agent's\n`
    )
    assert.match(problem("/erase dddd"), /^You wrote nothing with the id dddd/)
    assert.match(problem("/erase eeee"), /^You wrote nothing with the id eeee/)
    assert.match(problem(`/erase ${imported.slice(0, 8)}`), /^Several ids/)
    // What is not confirmed has no event yet.
    assert.match(problem("/erase aaaa", state), /^You wrote nothing here/)
  })

  it("invites, asks, leaves and closes; anything else after a slash gets help, and other lines are messages", () => {
    assert.deepStrictEqual<unknown>(parse(`/invite ${me}`), { command: { _tag: "invite_co_author", user: me } })
    assert.property(parse("/invite abc"), "problem")
    assert.deepStrictEqual<unknown>(parse("/ask Why?"), { command: { _tag: "submit_prompt", prompt: "Why?" } })
    assert.deepStrictEqual<unknown>(parse("/ask Why?\nSay."), {
      command: { _tag: "submit_prompt", prompt: "Why?\nSay." }
    })
    assert.deepStrictEqual<unknown>(parse("/leave"), { command: { _tag: "divest" } })
    assert.deepStrictEqual<unknown>(parse("/close"), { command: { _tag: "close_thread" } })
    for (const line of ["/", "/ask", "/what", "/etc/hosts"]) {
      assert.deepStrictEqual(parse(line), { problem: ChatInput.help })
    }
    assert.deepStrictEqual<unknown>(parse("a /ask"), { command: { _tag: "submit_message", content: "a /ask" } })
  })
})
