import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, type Scope, Stream } from "effect"
import { Readable } from "node:stream"
import { layOut } from "../../src/cli/EditedRows.ts"
import { makeEditor } from "../../src/cli/LineEditor.ts"
import { TerminalScreen } from "../support/TerminalScreen.ts"

const keys = {
  enter: "\r",
  altEnter: "\u001b\r",
  backspace: "\u007f",
  left: "\u001b[D",
  right: "\u001b[C",
  up: "\u001b[A",
  down: "\u001b[B",
  home: "\u0001",
  end: "\u0005",
  deleteWord: "\u0017",
  deleteToStart: "\u0015",
  interrupt: "\u0003",
  delete: "\u001b[3~",
  endOfInput: "\u0004"
} as const

const pasted = (text: string) => `\u001b[200~${text}\u001b[201~`

/** An editor on a screen; the lines are those that were sent until its input ends. */
const startEditor = Effect.fnUntraced(function*(columns: number) {
  const screen = new TerminalScreen(columns)
  const input = Object.assign(new Readable({ read: () => {} }), { isTTY: true, setRawMode: () => {} })
  const editor = yield* makeEditor(
    input as unknown as NodeJS.ReadStream,
    screen as unknown as NodeJS.WriteStream
  )
  const type = (...texts: ReadonlyArray<string>) => {
    for (const text of texts) input.emit("data", text)
  }
  const sent = Effect.sync(() => type(keys.endOfInput)).pipe(Effect.andThen(Stream.runCollect(editor.lines)))
  return { screen, type, arrive: editor.write, sent }
})

const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  Effect.scoped(effect).pipe(Effect.provide(NodeServices.layer))

describe("the line editor of choir chat", () => {
  it.live("keeps the text below what arrives, also one of several rows with the cursor in its middle", () =>
    run(Effect.gen(function*() {
      const { arrive, screen, sent, type } = yield* startEditor(20)
      type("A text that is longer than the screen", keys.home)
      const rows = ["> A text that is lo", "nger than the scree", "n"]
      assert.deepStrictEqual([screen.lines, screen.beforeCursor], [rows, "> "])
      yield* arrive("Ben: Hello\n", "Ben: This is longer than the screen, too.\n")
      const printed = ["Ben: Hello", "Ben: This is longer than the screen, too."]
      assert.deepStrictEqual([screen.lines, screen.beforeCursor], [[...printed, ...rows], "> "])
      type("So: ", keys.enter)
      assert.deepStrictEqual(yield* sent, ["So: A text that is longer than the screen"])
    })))

  it.live("keeps an answer that is streamed in whole rows above the line, also in a script without spaces", () =>
    run(Effect.gen(function*() {
      const { arrive, screen, type } = yield* startEditor(20)
      type("typing")
      yield* arrive("Steep green")
      assert.deepStrictEqual(screen.lines, ["> typing"])
      yield* arrive(" tea at 80 degr")
      assert.deepStrictEqual(screen.lines, ["Steep green tea at", "> typing"])
      yield* arrive("ees.\n", "茶を八十度で淹れると香りが")
      assert.deepStrictEqual(screen.lines, [
        "Steep green tea at",
        "80 degrees.",
        "茶を八十度で淹れる",
        "> typing"
      ])
    })))

  it.live("takes pasted lines for one text, and sends nothing before Enter", () =>
    run(Effect.gen(function*() {
      const { screen, sent, type } = yield* startEditor(60)
      type("Look: ", pasted("one\r\ntwo\tx\n\u001b[2Jthree"))
      assert.deepStrictEqual(screen.lines, ["> Look: one", "  two  x", "  [2Jthree"])
      // A mark may come in two parts.
      type("!", keys.enter, "\u001b[20", "0~four\u001b[2", "01~", keys.altEnter, "five", keys.enter)
      assert.deepStrictEqual(yield* sent, ["Look: one\ntwo\tx\n[2Jthree!", "four\nfive"])
    })))

  it.live("has the cursor where the terminal has it, whatever joined emoji take there", () =>
    run(Effect.gen(function*() {
      const { screen, sent, type } = yield* startEditor(40)
      type("👩‍👩‍👧 👍🏽 ❤️ e\u0301", keys.left)
      assert.strictEqual(screen.beforeCursor, "> 👩‍👩‍👧 👍🏽 ❤️ ")
      type(...Array.from({ length: 5 }, () => keys.left))
      assert.strictEqual(screen.beforeCursor, "> 👩‍👩‍👧")
      type(keys.backspace, "a", keys.right, keys.delete, keys.enter)
      assert.deepStrictEqual(yield* sent, ["a  ❤️ e\u0301"])
    })))

  it.live("shows the part around the cursor of a text that is higher than the screen", () =>
    run(Effect.gen(function*() {
      const { arrive, screen, sent, type } = yield* startEditor(20)
      screen.rows = 4
      type(pasted("1\n2\n3\n4\n5"))
      assert.deepStrictEqual(screen.lines, ["  3", "  4", "  5"])
      type(keys.up, keys.up, keys.up)
      yield* arrive("Ben: Hello\n")
      assert.deepStrictEqual(screen.lines, ["Ben: Hello", "> 1", "  2", "  3"])
      type(keys.enter)
      assert.deepStrictEqual(screen.lines, ["Ben: Hello", "> 1", "  2", "  3", "  4", "  5", ">"])
      assert.deepStrictEqual(yield* sent, ["1\n2\n3\n4\n5"])
    })))

  it.live("clears a text at Ctrl+C, and has the earlier ones at arrow up", () =>
    run(Effect.gen(function*() {
      const { screen, sent, type } = yield* startEditor(20)
      type("first", keys.enter, "second thoughts that are long", keys.left, keys.interrupt)
      assert.deepStrictEqual(screen.lines, ["> first", ">"])
      type("draft", keys.up, keys.down, keys.up, "!", keys.enter)
      assert.deepStrictEqual(yield* sent, ["first", "first!"])
    })))

  it.live("is drawn once when the width changes", () =>
    run(Effect.gen(function*() {
      const { arrive, screen, sent, type } = yield* startEditor(80)
      yield* arrive("Ben: Hello\n")
      type("x".repeat(70), keys.left)
      for (const columns of [30, 20, 50, 80, 25]) {
        screen.resize(columns)
        const [first, ...rows] = screen.lines
        assert.deepStrictEqual([first, rows.join("")], ["Ben: Hello", `> ${"x".repeat(70)}`], `${columns} columns`)
      }
      yield* arrive("Ben: Bye\n")
      type("y", keys.enter)
      assert.deepStrictEqual(screen.lines.slice(0, 2), ["Ben: Hello", "Ben: Bye"])
      assert.deepStrictEqual(yield* sent, [`${"x".repeat(69)}yx`])
    })))

  const Action = Schema.Union([
    Schema.TaggedStruct("Typed", {
      text: Schema.Literals(["a", "word ", "茶", "😀", "שלום", "e\u0301", "👍🏽", "a burst of keys"])
    }),
    Schema.TaggedStruct("Pressed", {
      key: Schema.Literals([
        "left",
        "right",
        "home",
        "end",
        "backspace",
        "deleteWord",
        "deleteToStart",
        "up",
        "altEnter"
      ])
    }),
    Schema.TaggedStruct("Pasted", { text: Schema.Literals(["p", "two\nlines", "a longer text that is pasted"]) }),
    Schema.TaggedStruct("Arrived", { text: Schema.Literals(["Ben: Hi\n", "Ben: something longer\n", "one\ntwo\n"]) }),
    Schema.TaggedStruct("Sent", {})
  ])
  const actions = Arbitrary.array(Arbitrary.schema(Action), { maxLength: 60 })
  const width = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 8, maximum: 40 })))

  it.live.prop(
    "sends what it shows, and shows what arrived, once and in order",
    { actions, width },
    ({ actions, width }) =>
      run(Effect.gen(function*() {
        const { arrive, screen, sent, type } = yield* startEditor(width)
        const expected: Array<string> = []
        const shown: Array<ReadonlyArray<string>> = []
        for (const action of actions) {
          if (action._tag === "Typed") type(action.text)
          else if (action._tag === "Pressed") type(keys[action.key])
          else if (action._tag === "Pasted") type(pasted(action.text))
          else if (action._tag === "Arrived") {
            yield* arrive(action.text)
            expected.push(...action.text.trimEnd().split("\n"))
          } else {
            shown.push(screen.lines.slice(expected.length))
            expected.push(...shown.at(-1)!)
            type(keys.enter)
          }
          assert.deepStrictEqual(screen.lines.slice(0, expected.length), expected)
          assert.match(screen.lines[expected.length]!, /^>/)
        }
        type("x", keys.interrupt)
        const rows = (text: string) => layOut(text, 0, width).rows.map((row) => row.text.trimEnd())
        assert.deepStrictEqual((yield* sent).map(rows), shown)
      })),
    { arbitrary: { runs: 150, size: 60 } }
  )
})
