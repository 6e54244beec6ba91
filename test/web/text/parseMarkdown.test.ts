import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import type { Block, Inline, TopBlock } from "../../../src/web/text/MarkdownTree.ts"
import { MarkdownParser, parseMarkdown } from "../../../src/web/text/parseMarkdown.ts"
import { costlyTexts, forbiddenAddresses, markdownTexts, richDocument } from "./MarkdownTexts.ts"

const blocks = (text: string, hasCitations = false): ReadonlyArray<Block> =>
  parseMarkdown(text, hasCitations).map(({ block }) => block)

const inlines = (text: string, hasCitations = false) => {
  const [block] = blocks(text, hasCitations)
  assert(block?._tag === "Paragraph")
  return block.children
}

const paragraph = (text: string): Block => ({ _tag: "Paragraph", children: [text] })

const manyRuns = { arbitrary: { runs: 200, size: 40 } }

describe("parseMarkdown", () => {
  it("a newline is a line break, with or without a mark, and indentation is not a part of it", () => {
    assert.deepStrictEqual(inlines("a\nb  \nc\\\nd\r\n  e *f\n  g* h"), [
      "a\nb\nc\nd\ne ",
      { _tag: "Emphasis", children: ["f\ng"] },
      " h"
    ])
    assert.deepStrictEqual(blocks("> a\n> b *c*\n>d"), [
      {
        _tag: "Quote",
        children: [{ _tag: "Paragraph", children: ["a\nb ", { _tag: "Emphasis", children: ["c"] }, "\nd"] }]
      }
    ])
  })

  it("lists keep their numbers, their tasks and what is nested in them", () => {
    assert.deepStrictEqual(blocks("3. a\n7. b\n   - [x] c\n   - [ ] d"), [{
      _tag: "List",
      isOrdered: true,
      items: [
        { number: 3, isDone: undefined, children: [paragraph("a")] },
        {
          number: 7,
          isDone: undefined,
          children: [paragraph("b"), {
            _tag: "List",
            isOrdered: false,
            items: [
              { number: undefined, isDone: true, children: [paragraph("c")] },
              { number: undefined, isDone: false, children: [paragraph("d")] }
            ]
          }]
        }
      ]
    }])
  })

  it("a table keeps empty cells, and cells beyond its head", () => {
    assert.deepStrictEqual(blocks("| a | | *c* |\n|---|:-:|--:|\n| 1 |\n|| 2 | 3 | 4 |\n5 | 6"), [{
      _tag: "Table",
      columns: ["start", "center", "end"],
      rows: [
        [["a"], [], [{ _tag: "Emphasis", children: ["c"] }]],
        [["1"]],
        [[], ["2"], ["3"], ["4"]],
        [["5"], ["6"]]
      ]
    }])
  })

  it("code keeps its lines, wherever it stands, and tells whether it has ended", () => {
    assert.deepStrictEqual(blocks("````js title=x\na\n\n```\n  b\n````"), [
      { _tag: "Code", info: "js title=x", text: "a\n\n```\n  b", isClosed: true }
    ])
    assert.deepStrictEqual(blocks("> ~~~\n> a\n>  b"), [
      { _tag: "Quote", children: [{ _tag: "Code", info: "", text: "a\n b", isClosed: false }] }
    ])
    assert.deepStrictEqual(blocks("    a\n      b"), [{ _tag: "Code", info: "", text: "a\n  b", isClosed: true }])
    assert.deepStrictEqual(inlines("`a` `` ` `` ` `"), [
      { _tag: "InlineCode", text: "a" },
      " ",
      { _tag: "InlineCode", text: "`" },
      " ",
      { _tag: "InlineCode", text: " " }
    ])
  })

  it("links and images have their addresses, titles and words", () => {
    const link = (href: string, text: string, title?: string): Inline => ({
      _tag: "Link",
      href,
      title,
      children: [text]
    })
    assert.deepStrictEqual(inlines("[a](<https://x.test/a b> \"t\") ![b](HTTP://x.test/\\_) ![](mailto:a@x.test)"), [
      link("https://x.test/a b", "a", "t"),
      " ",
      link("HTTP://x.test/_", "b"),
      " ",
      link("mailto:a@x.test", "mailto:a@x.test")
    ])
    // The address after the words counts, whatever the words look like.
    assert.deepStrictEqual(inlines("[https://a.test](https://b.test) [https://c.test]"), [
      link("https://b.test", "https://a.test"),
      " [",
      link("https://c.test", "https://c.test"),
      "]"
    ])
    assert.deepStrictEqual(inlines("www.x.test, ann@x.test https://x.test/(a)."), [
      link("http://www.x.test", "www.x.test"),
      ", ",
      link("mailto:ann@x.test", "ann@x.test"),
      " ",
      link("https://x.test/(a)", "https://x.test/(a)"),
      "."
    ])
  })

  it("[SEC31] an address without http, https or mailto stays text", () => {
    for (const address of forbiddenAddresses) {
      for (const text of [`[a](${address})`, `![a](${address})`]) {
        const [first] = inlines(text)
        assert(typeof first === "string", text)
        assert.isTrue(first.startsWith(text.slice(0, text.indexOf("(") + 1)), text)
      }
    }
  })

  it("definitions, references, footnotes and HTML are the characters that were written", () => {
    for (const text of ["[a]: x 'y'", "[a][b] [c] ![d]", "[^1]: note", "<b>x</b> <!-- y -->", "&copy; &nope;"]) {
      assert.deepStrictEqual(inlines(text), [text])
    }
  })

  it("a number in brackets is no link where numbers are citations", () => {
    assert.deepStrictEqual(inlines("[1](ftp://x) [12](note)", true), ["[1](ftp://x) [12](note)"])
    const link = (text: string): Inline => ({ _tag: "Link", href: "mailto:x", title: undefined, children: [text] })
    assert.deepStrictEqual(inlines("[1](mailto:x)"), [link("1")])
    assert.deepStrictEqual(inlines("[1](mailto:x)", true), ["[1](", link("mailto:x"), ")"])
  })

  it.prop("a block is what its own lines say", { text: markdownTexts }, ({ text }) => {
    for (const { block, source } of parseMarkdown(text)) assert.deepStrictEqual(blocks(source), [block])
  }, manyRuns)

  it.prop(
    "a text that grows is read as if it was there at once",
    {
      texts: Arbitrary.array(markdownTexts, { minLength: 1, maxLength: 4 }),
      step: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })))
    },
    ({ step, texts }) => {
      const text = texts.join("\n")
      const parser = new MarkdownParser()
      for (let length = 0; length <= text.length; length += step) {
        const grown = text.slice(0, length)
        assert.deepStrictEqual(parser.parse(grown, false), parseMarkdown(grown))
      }
    },
    manyRuns
  )

  it("the blocks of a growing document stay the same, but for the last two", () => {
    const parser = new MarkdownParser()
    let before: ReadonlyArray<TopBlock> = []
    for (let length = 0; length <= richDocument.length; length++) {
      const blocks = parser.parse(richDocument.slice(0, length), true)
      assert.deepStrictEqual(blocks.slice(0, Math.max(0, before.length - 2)), before.slice(0, -2))
      before = blocks
    }
    assert.deepStrictEqual(before, parseMarkdown(richDocument, true))
  })

  it("a text that would make too many parts, or too deep ones, ends as it was written", () => {
    for (const text of costlyTexts) {
      const parts = partsOf(parseMarkdown(text))
      const parser = new MarkdownParser()
      for (let length = 0; length < text.length; length += 5_000) parser.parse(text.slice(0, length), false)
      assert.deepStrictEqual(parser.parse(text, false), parseMarkdown(text))
      assert.isAtMost(parts.count, 2_500, text.slice(0, 20))
      assert.isAtMost(parts.depth, 400, text.slice(0, 20))
      assert.isAtLeast(parts.letters, text.replaceAll(/[^a]/g, "").length, text.slice(0, 20))
    }
  })
})

/** How many objects a value has, but for arrays, how deep they are nested, and the `a`s in its strings but for the sources. */
const partsOf = (value: unknown): { readonly count: number; readonly depth: number; readonly letters: number } => {
  if (typeof value === "string") return { count: 0, depth: 1, letters: value.replaceAll(/[^a]/g, "").length }
  const fields = typeof value === "object" && value !== null ? Object.entries(value) : []
  const parts = fields.flatMap(([name, field]) => name === "source" || name === "_tag" ? [] : [partsOf(field)])
  return {
    count: (fields.length > 0 && !Array.isArray(value) ? 1 : 0) + parts.reduce((sum, { count }) => sum + count, 0),
    depth: 1 + Math.max(0, ...parts.map(({ depth }) => depth)),
    letters: parts.reduce((sum, { letters }) => sum + letters, 0)
  }
}
