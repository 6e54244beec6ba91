import { assert, describe, it } from "@effect/vitest"
import * as Vocabulary from "../../scripts/Vocabulary.ts"

const glossary = `
| term | what it is |
|---|---|
| send queue | frames that wait |
| catch-up | events that were missed |
`

const allowed = Vocabulary.allowedWords(glossary, "drop frame # names of parts\nof")

describe("the vocabulary of names", () => {
  it("is made of the glossary's terms and of the plain words, without comments", () => {
    assert.deepStrictEqual([...allowed].sort(), ["catch", "drop", "frame", "of", "queue", "send", "up"])
  })

  it.each([
    ["SendQueue", ["send", "queue"]],
    ["HTTPServer2", ["http", "server"]],
    ["catch-up.test", ["catch", "up", "test"]],
    ["max_frames", ["max", "frames"]]
  ])("%s has the words %j", (name, words) => {
    assert.deepStrictEqual(Vocabulary.splitName(name), words)
  })

  it.each([
    ["droppedFrames", []],
    ["queueing", []],
    ["sender", []],
    ["FloorOfQueues", ["floor"]],
    ["dropX", []]
  ])("%s has the unknown words %j", (name, unknown) => {
    assert.deepStrictEqual(Vocabulary.unknownWords(allowed, name), unknown)
  })

  it("covers what a file declares and what it exports of other files", () => {
    const source = [
      "export const one = 1",
      "const hidden = 2",
      "export abstract class Two {}",
      "export type { Three, Four as Five } from \"./other.ts\"",
      "export * as Six from \"./six.ts\"",
      "export const seven = function* () {}"
    ].join("\n")
    assert.deepStrictEqual(Vocabulary.declaredNames(source), ["one", "Two", "seven"])
    assert.deepStrictEqual(Vocabulary.exportedNames(source), ["one", "Two", "seven", "Six", "Three", "Five"])
  })

  it("finds what has one key twice", () => {
    assert.deepStrictEqual(Vocabulary.duplicatesBy(["a", "B", "b"], (name) => name.toLowerCase()), [["B", "b"]])
  })
})
