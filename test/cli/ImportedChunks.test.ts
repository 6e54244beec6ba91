import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { findImported } from "../../src/cli/ImportedChunks.ts"
import * as MarkdownChunker from "../../src/cli/MarkdownChunker.ts"
import { sha256 } from "../../src/client/Sha256.ts"
import { CommandId, TopicId } from "../../src/domain/protocol/Ids.ts"
import { saltSource } from "../../src/domain/protocol/Seal.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { codecsFor } from "../../src/domain/topic/KindCodecs.ts"
import { commitTexts, eraseTexts } from "../../src/domain/topic/SealedText.ts"
import { foldDecision } from "../../src/domain/topic/Topic.ts"
import { me } from "../client/ScriptedServer.ts"

const secret = "choir_sk_one"
const thread = TopicId.make("thread:t")
const chunks = [
  { content: "# One\nfirst", source: "notes.md" },
  { content: "# Two\nthe number is 4711", source: "notes.md" },
  { content: "# Three\nthird", source: "notes.md" }
]

/** A state after a command, with the salt that its client sends. */
const apply = (state: ReturnType<typeof threadKind.initial>, id: string, command: unknown, salt: string) => {
  const decoded = Result.getOrThrow(codecsFor(threadKind).decodeInput(command))
  const input = commitTexts(decoded, () => saltSource(salt, id), sha256) as Parameters<typeof threadKind.decide>[1]
  const decision = Result.getOrThrow(
    threadKind.decide(state, input, { id: CommandId.make(id), author: me, now: 1, seed: 0 })
  )
  if (decision._tag === "Forward") throw new Error("forwarded")
  return Result.getOrThrow(foldDecision(threadKind, state, decision.events))
}

/** The messages of a thread with an import, then without the texts that `isErased` selects, by message and field. */
const messagesWithout = (isErased: (index: number, field: "content" | "source") => boolean) => {
  const created = apply(threadKind.initial(thread), "t", { _tag: "create_thread", name: "Notes" }, "A".repeat(22))
  const id = MarkdownChunker.importCommandId(secret, thread, chunks)
  const salt = MarkdownChunker.importSalt(secret, id)
  const { messages } = apply(created, id, { _tag: "import_messages", messages: chunks }, salt)
  const texts = messages.flatMap(({ content, source }, index) => [
    ...isErased(index, "content") ? [content.c] : [],
    ...isErased(index, "source") && source !== null ? [source.c] : []
  ])
  return eraseTexts(messages, new Set(texts))
}

describe("findImported", () => {
  it("[TOP10] knows chunks that the thread has, and those whose content, source or both were erased", () => {
    const cases: ReadonlyArray<Parameters<typeof messagesWithout>[0]> = [
      () => false,
      (index) => index === 1,
      (index, field) => index === 1 && field === "content",
      (_, field) => field === "source",
      () => true
    ]
    for (const isErased of cases) {
      const isImported = findImported(secret, messagesWithout(isErased))
      assert.deepStrictEqual(chunks.map(isImported), [true, true, true])
      const others = [
        { content: "# Two\nthe number is 4712", source: "notes.md" },
        { content: "[erased]", source: "[erased]" },
        { content: chunks[1]!.content, source: "other.md" }
      ]
      assert.deepStrictEqual(others.map(isImported), [false, false, false])
    }
  })

  it("[TOP10] nobody without the secret finds out which text was erased", () => {
    const isImported = findImported("choir_sk_two", messagesWithout((index) => index === 1))
    assert.deepStrictEqual(chunks.map(isImported), [true, false, true])
  })
})
