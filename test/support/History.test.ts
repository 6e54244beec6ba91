import { assert, describe, it } from "@effect/vitest"
import { CommandId } from "../../src/domain/Ids.ts"
import { History, type Logged, unlike } from "./History.ts"

const event = (seq: number, id: string, author = "ann"): Logged => ({
  seq,
  cause: CommandId.make(id),
  author: author as Logged["author"]
})

const three = (): History => {
  const history = new History()
  for (const [id, author] of [["a", "ann"], ["b", "bob"], ["c", "ann"]] as const) history.send(id, author)
  history.acknowledge(history.sent[0]!, 1)
  return history
}

describe("[FLT1] the history checker", () => {
  it("is content with whatever became of an unknown send, once", () => {
    assert.deepStrictEqual(three().problems([event(1, "a")]), [])
    assert.deepStrictEqual(three().problems([event(1, "a"), event(2, "c"), event(3, "b", "bob")]), [])
  })

  it("finds a loss, a double, a wrong place, a changed order and a gap", () => {
    assert.match(three().problems([]).join(), /a is lost/)
    assert.match(three().problems([event(1, "a"), event(2, "b", "bob"), event(3, "b", "bob")]).join(), /b is doubled/)
    assert.match(three().problems([event(1, "c"), event(2, "a")]).join(), /a is at 2.*a is out of its author's order/)
    assert.match(three().problems([event(1, "a"), event(3, "c")]).join(), /3 follows 1/)
  })

  it("finds what was refused and is there all the same", () => {
    const history = three()
    history.sent[2]!.outcome = "refused"
    assert.match(history.problems([event(1, "a"), event(2, "c")]).join(), /c was refused and is at 2/)
  })

  it("finds a reader who missed something, heard it twice, or heard something else", () => {
    const log = [event(1, "a"), event(2, "b"), event(3, "c")]
    assert.deepStrictEqual(unlike(log.slice(1), log), [])
    assert.match(unlike([event(1, "a"), event(3, "c")], log).join(), /3 follows 1/)
    assert.match(unlike([event(1, "a"), event(2, "b"), event(2, "b"), event(3, "c")], log).join(), /2 follows 2/)
    assert.match(unlike([event(1, "a"), event(2, "x"), event(3, "c")], log).join(), /x at 2/)
    assert.match(unlike(log.slice(0, 2), log).join(), /2 events were heard from 1 on, of a log of 3/)
  })
})
