import { assert, describe, it } from "@effect/vitest"
import { stem, stemmedTerms, tokenize } from "../../../../src/domain/chorus/extractive/Tokenizer.ts"

describe("Tokenizer", () => {
  it.each([
    ["Bread rises.", ["bread", "rises"]],
    ["catchTag HTTPServer v2Beta", [
      "catchtag",
      "catch",
      "tag",
      "httpserver",
      "http",
      "server",
      "v2beta",
      "v2",
      "beta"
    ]],
    ["a back-off, state-of-the-art", ["a", "back", "off", "state", "of", "the", "art", "backoff", "stateoftheart"]],
    ["don’t ﬁnd", ["don’t", "find"]],
    ["発酵時間 面包", ["発酵時間", "発酵", "酵時", "時間", "面包"]],
    ["-- !", []]
  ])("[CHO12] the words of %j are %j", (text, words) => {
    assert.deepStrictEqual(tokenize(text), words)
  })

  it.each([
    ["retry", "retries", "retried", "retrying"],
    ["bake", "bakes"],
    ["mix", "mixes", "mixed", "mixing"],
    ["box", "boxes"],
    ["stop", "stopping", "stopped"],
    ["glass", "glasses"]
  ])("[CHO12] all forms of %s have one stem", (word, ...forms) => {
    for (const form of forms) assert.strictEqual(stem(form), stem(word), form)
  })

  it("[CHO12] short words, other scripts and codes have no endings", () => {
    for (const word of ["is", "gas", "make", "größes", "v2s1ing"]) assert.strictEqual(stem(word), word)
    assert.deepStrictEqual(stemmedTerms("the loaves of bread"), ["loave", "bread"].map(stem))
    assert.deepStrictEqual(stemmedTerms("what is it"), ["what", "is", "it"])
  })
})
