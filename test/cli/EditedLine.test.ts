import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as EditedLine from "../../src/cli/EditedLine.ts"
import { clip, layOut } from "../../src/cli/EditedRows.ts"

/** A key by its name, with `C-` for Ctrl and `M-` for Alt before it; a single character is typed. */
const key = (name: string): EditedLine.Key =>
  /^[CM]-/.test(name)
    ? { sequence: "\u001b", name: name.slice(2), ctrl: name.startsWith("C"), meta: name.startsWith("M") }
    : { sequence: name.length > 2 ? "\u001b" : name, name }

const pressAll = (line: EditedLine.EditedLine, ...names: ReadonlyArray<string>) =>
  names.reduce((current, name) => EditedLine.press(current, key(name))[0], line)

/** A text with the cursor at `|`. */
const at = (text: string): EditedLine.EditedLine => ({
  ...EditedLine.empty,
  text: text.replace("|", ""),
  cursor: text.indexOf("|")
})
const show = ({ cursor, text }: EditedLine.EditedLine) => `${text.slice(0, cursor)}|${text.slice(cursor)}`

describe("a text that is typed", () => {
  it.each([
    ["one two|", ["C-w"], "one |"],
    ["one  two  |", ["M-backspace", "C-y", "C-y"], "one  two  two  |"],
    ["one two|", ["M-b", "M-b", "M-d"], "| two"],
    ["one |two", ["C-right", "C-u", "C-y"], "one two|"],
    ["one |two", ["C-k", "home", "C-y"], "two|one "],
    ["a\nb|", ["C-u", "C-u"], "a|"],
    ["|\nb", ["C-k"], "|b"],
    ["long line\nb\n|third", ["up", "up"], "|long line\nb\nthird"],
    ["long li|ne\nb\nthird", ["down", "down"], "long line\nb\nt|hird"],
    ["a👩‍👩‍👧|b", ["left", "x"], "ax|👩‍👩‍👧b"],
    ["|👍🏽b", ["delete"], "|b"],
    ["|abc", ["left", "backspace", "C-w", "M-b", "C-u"], "|abc"],
    ["abc|", ["right", "delete", "C-k", "M-f", "pagedown", "M-x", "C-g"], "abc|"],
    ["ab|", ["M-return", "c", "C-a", "d", "C-e", "e"], "ab\ndce|"]
  ])("%j after %j is %j", (before, names, after) => {
    assert.strictEqual(show(pressAll(at(before), ...names)), after)
  })

  it("has the texts that were sent at arrow up, and the draft below them", () => {
    let line = EditedLine.empty
    for (const text of ["one", "two", "two", " "]) line = EditedLine.afterSend({ ...line, text })
    assert.deepStrictEqual(line.history, ["one", "two"])
    const draft = pressAll(line, "d")
    assert.strictEqual(pressAll(draft, "up").text, "two")
    assert.strictEqual(pressAll(draft, "up", "up", "up").text, "one")
    assert.strictEqual(pressAll(draft, "up", "up", "!", "down", "down", "down").text, "d")
  })

  it.each([
    ["return", "a", "send"],
    ["enter", "", "send"],
    ["C-c", "a", undefined],
    ["C-c", "", "interrupt"],
    ["C-d", "a", undefined],
    ["C-d", "", "end"],
    ["C-z", "a", "suspend"],
    ["C-l", "a", "clearScreen"]
  ])("%s in %j asks to %s", (name, text, request) => {
    assert.strictEqual(EditedLine.press({ ...EditedLine.empty, text }, key(name))[1], request)
  })

  const names = Arbitrary.array(
    Arbitrary.schema(
      Schema.Literals(
        "a,茶,😀,left,right,up,down,home,end,backspace,delete,C-w,C-k,C-u,C-y,M-d,M-b,M-return,C-c".split(",")
      )
    ),
    { maxLength: 80 }
  )
  const columns = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 4, maximum: 40 })))

  it.prop(
    "[SEC18] stays well-formed, and stands whole on rows that are narrower than the screen",
    { names, columns },
    ({
      columns,
      names
    }) => {
      const { cursor, text } = pressAll(EditedLine.empty, ...names)
      assert.isTrue(text.isWellFormed() && text.slice(0, cursor).isWellFormed())
      const drawing = layOut(text, cursor, columns)
      for (const { width } of drawing.rows) assert.isBelow(width, columns)
      const shown = drawing.rows.map((row) => row.text).join("")
      assert.strictEqual(shown.replaceAll(/[> ]/g, ""), text.replaceAll("\n", ""))
      const clipped = clip(drawing, 3)
      assert.isAtMost(clipped.rows.length, 3)
      assert.isTrue(clipped.rows[clipped.cursorRow]!.text.startsWith(clipped.beforeCursor.text))
    },
    { arbitrary: { runs: 300, size: 80 } }
  )
})
