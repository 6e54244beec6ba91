import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { Author } from "../../../src/domain/protocol/Ids.ts"
import { agentOf, principalOf } from "../../../src/domain/protocol/Principal.ts"
import { decideErasure, type Erase, type EraseDerived, type ErasureContext } from "../../../src/domain/topic/Erasure.ts"
import { commitTexts, eraseTexts, textsIn, write } from "../../../src/domain/topic/SealedText.ts"
import { sha256 } from "../../../src/layers/eventlog/ChainVerification.ts"
import { makeAttestation } from "../../support/Attestations.ts"
import { topicId, userId } from "../../support/TopicWorld.ts"

const ada = userId(0)
const eve = userId(1)
const event = commitTexts(
  { _tag: "MessageSent", content: write("a text"), parts: [write("one"), write("two")] },
  () => "s".repeat(22),
  sha256
)
const commitments = textsIn(event).map(({ text }) => text.c)

const contextOf = (author: Author, change: Partial<ErasureContext> = {}): ErasureContext => ({
  author,
  now: 7,
  past: { principal: principalOf(ada), event },
  canRead: true,
  authors: undefined,
  ...change
})

const erase: Erase = { _tag: "erase", seq: 3 }
const because = { topic: topicId("thread:t"), seq: 9 }

const outcome = (input: Erase | EraseDerived, context: ErasureContext) =>
  Result.match(decideErasure(input, context), {
    onFailure: ({ code, rule }) => `${code} ${rule}`,
    onSuccess: ({ paths }) => paths.join(" ")
  })

describe("decideErasure", () => {
  it("[TOP10][AUT8] an owner erases what an agent of theirs wrote, and nobody else's agent", () => {
    const principal = agentOf(makeAttestation(ada, userId(2)))
    assert.strictEqual(outcome(erase, contextOf(ada, { past: { principal, event } })), "/content /parts/0 /parts/1")
    assert.strictEqual(
      outcome(erase, contextOf(userId(2), { past: { principal, event } })),
      "/content /parts/0 /parts/1"
    )
    assert.strictEqual(outcome(erase, contextOf(eve, { past: { principal, event } })), outcome(erase, contextOf(eve)))
    assert.include(outcome(erase, contextOf(eve)), "forbidden")
  })

  it("[TOP10] erases all texts of an event, and says who, why and what", () => {
    const reason = commitTexts(write("why"), () => "r".repeat(22), sha256)
    assert.deepStrictEqual(Result.getOrThrow(decideErasure({ ...erase, reason }, contextOf(ada))), {
      _tag: "Erased",
      seq: 3,
      paths: ["/content", "/parts/0", "/parts/1"],
      texts: commitments,
      by: ada,
      reason,
      because: null,
      at: 7
    })
  })

  it.each<readonly [string, Erase | EraseDerived, ErasureContext, string]>([
    ["the author erases one text", { ...erase, paths: ["/parts/1"] }, contextOf(ada), "/parts/1"],
    ["the operator erases any", erase, contextOf("system:operator/ada"), "/content /parts/0 /parts/1"],
    [
      "the server erases what follows",
      { _tag: "EraseDerived", seq: 3, paths: ["/content"], because },
      contextOf("system:eraser"),
      "/content"
    ],
    ["the writer of the words erases them", erase, contextOf(eve, { authors: [eve] }), "/content /parts/0 /parts/1"],
    [
      "who caused the event but did not write them does not",
      erase,
      contextOf(ada, { authors: [eve] }),
      "forbidden TOP10"
    ],
    ["nobody else does", erase, contextOf(eve), "forbidden TOP10"],
    [
      "nobody forges the server's part",
      { _tag: "EraseDerived", seq: 3, paths: ["/content"], because },
      contextOf(ada),
      "forbidden TOP10"
    ],
    ["who may not read learns nothing", erase, contextOf(eve, { canRead: false }), "not_found AUT4"],
    ["there is no such event", erase, contextOf(ada, { past: undefined }), "not_found TOP10"],
    ["there is no such text", { ...erase, paths: ["/content", "/other"] }, contextOf(ada), "not_found TOP10"],
    [
      "the event holds no text",
      erase,
      contextOf(ada, { past: { principal: principalOf(ada), event: { _tag: "UserJoined" } } }),
      "not_found TOP10"
    ],
    [
      "the text was erased before",
      { ...erase, paths: ["/content"] },
      contextOf(ada, { past: { principal: principalOf(ada), event: eraseTexts(event, new Set(commitments)) } }),
      "rule_violated TOP10"
    ],
    [
      "one of two was erased before",
      { ...erase, paths: ["/content", "/parts/0"] },
      contextOf(ada, {
        past: { principal: principalOf(ada), event: eraseTexts(event, new Set(commitments.slice(0, 1))) }
      }),
      "/parts/0"
    ]
  ])("[TOP10] %s", (_, input, context, expected) => {
    assert.strictEqual(outcome(input, context), expected)
  })
})
