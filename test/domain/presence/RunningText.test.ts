import { assert, describe, it } from "@effect/vitest"
import * as RunningText from "../../../src/domain/presence/RunningText.ts"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"

const chunk = (offset: number, text: string, more: Partial<RunningText.RunningText> = {}): RunningText.RunningText => ({
  prompt_id: CommandId.make("p"),
  loop: 0,
  step: "action",
  attempt: 0,
  offset,
  text,
  ...more
})

describe("running text", () => {
  it("[CHO5] grows by its chunks, so that a late subscriber gets the text so far", () => {
    const text = [chunk(0, "one "), chunk(4, "two "), chunk(8, "three")]
      .reduce<RunningText.RunningText | undefined>(RunningText.append, undefined)
    assert.deepStrictEqual(text, chunk(0, "one two three"))
  })

  it.each([{ attempt: 1 }, { loop: 1 }, { step: "yield" }])("[CHO5] starts anew with another %o", (more) => {
    assert.deepStrictEqual(RunningText.append(chunk(0, "old"), chunk(3, "new", more)), chunk(3, "new", more))
  })

  it("[CHO5] starts anew when a chunk does not continue it", () => {
    assert.deepStrictEqual(RunningText.append(chunk(0, "old"), chunk(0, "again")), chunk(0, "again"))
  })
})
