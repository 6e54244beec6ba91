import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { excerpt } from "../../../src/domain/protocol/Excerpt.ts"

/** Words with and without the marks of Markdown, in lines. */
const text = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(
      Schema.Literals(["tea", "**hot**", "`a`", "\u{1f600}\u{1f600}", "#", "- ", "> ", "\n", "[x](u)", "*"])
    ),
    { maxLength: 60 }
  ),
  (parts) => parts.join(" ")
)
const max = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 80 })))

describe("an excerpt", () => {
  it.each([
    ["# Steeping\n\nGreen *tea* at **80** degrees.", "Steeping Green tea at 80 degrees."],
    ["> - [Tea](https://a.example/b), `hot`, ![a cup](cup.png)", "Tea, hot, a cup"],
    ["```ts\nconst a_b = 2 * 3\n```\n---\nDone", "const a_b = 2 * 3 Done"],
    ["| a | b |\n|---|:-:|\n| 1 | 2 |", "a b 1 2"],
    [
      "Files *.ts and snake_case_names, see [1], ~~not~~ _that_ #1",
      "Files *.ts and snake_case_names, see [1], not that #1"
    ],
    ["1. first\n2. second", "1. first 2. second"]
  ])("of %j has no marks of Markdown", (source, expected) => {
    assert.strictEqual(excerpt(source, 200), expected)
  })

  it("ends with a whole word, or inside one that takes most of it", () => {
    assert.strictEqual(excerpt("Steep green tea at 80 degrees", 16), "Steep green tea…")
    assert.strictEqual(excerpt("Steep green tea at 80 degrees", 15), "Steep green…")
    assert.strictEqual(excerpt("茶を八十度で淹れる", 5), "茶を八十…")
    assert.strictEqual(excerpt("short", 5), "short")
  })

  it.prop(
    "[SEC18] is one well-formed line that is no longer than allowed, and all of a text that fits",
    { text, max },
    ({
      max,
      text
    }) => {
      const short = excerpt(text, max)
      assert.isAtMost(short.length, max)
      assert.isTrue(short.isWellFormed())
      assert.notMatch(short, /\n|^\s|\s$| {2}/)
      const whole = excerpt(text, 10_000)
      assert.isTrue(short === whole || whole.startsWith(short.slice(0, -1)) && short.endsWith("…"))
    },
    { arbitrary: { runs: 500, size: 60 } }
  )
})
