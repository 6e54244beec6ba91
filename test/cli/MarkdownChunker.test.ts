import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as MarkdownChunker from "../../src/cli/MarkdownChunker.ts"
import { Envelope } from "../../src/domain/protocol/Protocol.ts"
import { utf8ByteLength } from "../../src/domain/topic/MessageContent.ts"

const Line = Schema.Literals([
  "# Head",
  "---",
  "````",
  "~~~ x",
  "word",
  "a longer line of words",
  "",
  "",
  "```",
  "😀😀😀😀😀😀😀😀😀😀",
  "ß"
])
const arbitraryText = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Line), { minLength: 5, maxLength: 60 }),
  (lines) => lines.join("\n")
)
const manyRuns = { arbitrary: { runs: 200, size: 60 } }
const withoutWhitespace = (text: string) => text.replace(/\s+/g, "")

describe("MarkdownChunker", () => {
  it.prop(
    "no chunk is blank or exceeds the limit, and only white space is dropped",
    { text: arbitraryText },
    ({ text }) => {
      const pieces = MarkdownChunker.splitMarkdown(text, { ...MarkdownChunker.messageChunks, limit: 24 })
      for (const piece of pieces) {
        assert.isAtMost(utf8ByteLength(piece), 24)
        assert.notStrictEqual(piece.trim(), "")
        assert.isTrue(piece.isWellFormed())
      }
      assert.strictEqual(withoutWhitespace(pieces.join("")), withoutWhitespace(text))
    },
    manyRuns
  )

  it("a text is split at headings outside of code blocks, then between paragraphs", () => {
    const text = "intro\n\n# One\n\nfirst\n\n```\n# no heading\n```\n\n## Two\n\nsecond"
    assert.deepStrictEqual(MarkdownChunker.splitMarkdown(text), [
      "intro",
      "# One\n\nfirst\n\n```\n# no heading\n```",
      "## Two\n\nsecond"
    ])
    assert.deepStrictEqual(
      MarkdownChunker.splitMarkdown("aaaa\n\nbbbb\n\ncccc", { ...MarkdownChunker.messageChunks, limit: 10 }),
      ["aaaa\n\nbbbb", "cccc"]
    )
  })

  it("front matter and nested code blocks are not split at what looks like a heading", () => {
    const text = "---\ntitle: Tea\n# a comment\n---\n# One\n\n````md\n```\n# inside\n```\n# inside too\n````\n# Two\n"
      + "~~~\n```\n# inside\n~~~\n# Three\n```js `no` fence\n# Four"
    assert.deepStrictEqual(MarkdownChunker.splitMarkdown(text), [
      "---\ntitle: Tea\n# a comment\n---",
      "# One\n\n````md\n```\n# inside\n```\n# inside too\n````",
      "# Two\n~~~\n```\n# inside\n~~~",
      "# Three\n```js `no` fence",
      "# Four"
    ])
    // A line of dashes that nothing closes is a rule.
    assert.deepStrictEqual(MarkdownChunker.splitMarkdown("---\ntext\n# One"), ["---\ntext", "# One"])
  })

  it("[TOP10] [SYN4] a command id is a UUIDv5 of its user, thread and chunks: equal for equal ones only", () => {
    const piece = (content: string, source = "notes.md"): MarkdownChunker.MarkdownChunk => ({ content, source })
    const idOf = (thread: string, ...chunks: ReadonlyArray<MarkdownChunker.MarkdownChunk>) =>
      MarkdownChunker.importCommandId("choir_sk_one", thread, chunks)
    const id = idOf("thread:a", piece("text"))
    // Fixed: another id would import everything a second time.
    assert.strictEqual(id, "63085d57-2c08-564a-a211-f8dd3246eba7")
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.strictEqual(id, MarkdownChunker.importCommandId("choir_sk_one\n", "thread:a", [piece("text")]))
    const others = [
      idOf("thread:b", piece("text")),
      idOf("thread:a", piece("text", "other.md")),
      idOf("thread:a", piece("dtext", "notes.m")),
      idOf("thread:a", piece("te"), piece("xt")),
      // The id outlives an erased text: nobody else can find out by it which text that was.
      MarkdownChunker.importCommandId("choir_sk_two", "thread:a", [piece("text")])
    ]
    assert.strictEqual(new Set([id, ...others]).size, 6)
    assert.strictEqual(MarkdownChunker.chunkFile("n.md", "# A\n\nx\n\n# A\n\nx").length, 1)
  })

  it("[TOP10] [SYN4] the salt of an import is the same for each repeat, and another for another user", () => {
    const salt = MarkdownChunker.importSalt("choir_sk_one", "266d66b1-943c-515b-9f6e-0321af5abf47")
    // Fixed, as the id is.
    assert.strictEqual(salt, "ugEab9voht56PvUCBtKd28W63T1x8T9p__CxPIoLX7Y")
    assert.strictEqual(salt, MarkdownChunker.importSalt("choir_sk_one\n", "266d66b1-943c-515b-9f6e-0321af5abf47"))
    assert.isTrue(Schema.is(Envelope.fields.salt.schema)(salt))
    const others = [
      MarkdownChunker.importSalt("choir_sk_two", "266d66b1-943c-515b-9f6e-0321af5abf47"),
      MarkdownChunker.importSalt("choir_sk_one", "366d66b1-943c-515b-9f6e-0321af5abf47")
    ]
    assert.strictEqual(new Set([salt, ...others]).size, 3)
  })

  it.prop("every command fits a frame, and together they hold every chunk in order", {
    lengths: Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8_192 }))), {
      minLength: 1,
      maxLength: 150
    })
  }, ({ lengths }) => {
    const pieces = lengths.map((length, n) => ({ content: "\u0001".repeat(length), source: `${n}.md` }))
    const batches = MarkdownChunker.batchChunks(pieces)
    assert.deepStrictEqual(batches.flat(), pieces)
    for (const batch of batches) {
      assert.isAtMost(batch.length, 64)
      assert.isAtMost(Buffer.byteLength(JSON.stringify(batch)), 60_000)
    }
  }, { arbitrary: { runs: 100, size: 100 } })
})
