/** The history checker detects every kind of violation that it exists for. */
import { assert, describe, it } from "@effect/vitest"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import { principalOf } from "../../src/domain/protocol/Principal.ts"
import { compareWithLog, History, type LoggedEvent } from "./History.ts"

const loggedEvent = (seq: number, id: string, author = "ann"): LoggedEvent => ({
  seq,
  cause: CommandId.make(id),
  principal: principalOf(`system:${author}`)
})

const threeSends = (): History => {
  const history = new History()
  for (const [id, author] of [["a", "ann"], ["b", "bob"], ["c", "ann"]] as const) {
    history.recordSend(id, `system:${author}`)
  }
  history.acknowledge(history.sent[0]!, 1)
  return history
}

describe("the history checker", () => {
  it("accepts a command with an unknown outcome that was applied at most once", () => {
    assert.deepStrictEqual(threeSends().findViolations([loggedEvent(1, "a")]), [])
    assert.deepStrictEqual(
      threeSends().findViolations([loggedEvent(1, "a"), loggedEvent(2, "c"), loggedEvent(3, "b", "bob")]),
      []
    )
  })

  it("detects lost, duplicated, misplaced and reordered commands, and gaps", () => {
    assert.match(threeSends().findViolations([]).join(), /a is lost/)
    assert.match(
      threeSends().findViolations([loggedEvent(1, "a"), loggedEvent(2, "b", "bob"), loggedEvent(3, "b", "bob")]).join(),
      /b is duplicated/
    )
    assert.match(
      threeSends().findViolations([loggedEvent(1, "c"), loggedEvent(2, "a")]).join(),
      /a is at 2.*a is out of its author's order/
    )
    assert.match(threeSends().findViolations([loggedEvent(1, "a"), loggedEvent(3, "c")]).join(), /3 follows 1/)
  })

  it("detects a rejected command in the log", () => {
    const history = threeSends()
    history.sent[2]!.outcome = "rejected"
    assert.match(
      history.findViolations([loggedEvent(1, "a"), loggedEvent(2, "c")]).join(),
      /c was rejected, but is at 2/
    )
  })

  it("detects a subscriber that missed, repeated or received foreign events", () => {
    const log = [loggedEvent(1, "a"), loggedEvent(2, "b"), loggedEvent(3, "c")]
    assert.deepStrictEqual(compareWithLog(log.slice(1), log), [])
    assert.match(compareWithLog([loggedEvent(1, "a"), loggedEvent(3, "c")], log).join(), /3 follows 1/)
    assert.match(
      compareWithLog([loggedEvent(1, "a"), loggedEvent(2, "b"), loggedEvent(2, "b"), loggedEvent(3, "c")], log).join(),
      /2 follows 2/
    )
    assert.match(compareWithLog([loggedEvent(1, "a"), loggedEvent(2, "x"), loggedEvent(3, "c")], log).join(), /x at 2/)
    assert.match(compareWithLog(log.slice(0, 2), log).join(), /2 events were received from 1 on, of a log of 3/)
  })
})
