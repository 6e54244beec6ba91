import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { escapeText } from "../../../src/domain/chorus/PromptQuoting.ts"
import { stripControlCharacters } from "../../../src/domain/protocol/Text.ts"
import { repeatsOf } from "../../../src/domain/topic/Derivation.ts"

const erased = "My passport number is X1234567, and my mother's name was Ada."

const Unit = Schema.Literals(["a", "B", "é", "1", " ", "\n", "<", "-", "秘"])

describe("repeatsOf", () => {
  it.each([
    ["the whole text", erased, true],
    ["20 characters in a row", `It says: ${erased.slice(3, 23)}!`, true],
    ["19 characters in a row", `It says«${erased.slice(3, 22)}»`, false],
    ["other case and white space", "MY  PASSPORT\nNUMBER IS x1234567", true],
    ["the same words apart", "number passport my is", false],
    ["an empty text", "", false]
  ])("[TOP10] %s", (_, text, repeats) => {
    assert.strictEqual(repeatsOf(erased)(text), repeats)
  })

  it.each([
    ["contains all of a short text", "it is 4711, I believe", true],
    ["contains a part of it", "it is 471, I believe", false]
  ])("[TOP10] a text that %s", (_, text, repeats) => {
    assert.strictEqual(repeatsOf("4711")(text), repeats)
  })

  it.each([
    ["e", "the tea is green", false],
    ["e", "vitamin e is one", true],
    ["ada", "adamant canada", false],
    ["ada", "canada: ask ada!", true],
    ["no", "\u{1d7ce}no", false],
    ["4711", "47112", false],
    ["l'été", "pendant l'été.", true],
    ["été", "\u0301été", false],
    ["(!)", "wow(!)", true],
    ["秘密", "这是秘密的", true],
    ["😀", "so😀so", true]
  ])("[TOP10] a short text is repeated by its words, not inside of others: %s in %s", (erased, text, repeats) => {
    assert.strictEqual(repeatsOf(erased)(text), repeats)
  })

  it.each([
    ["a line", "- Door PIN: 7391. [1]", true],
    ["a line without its end", "The door PIN: 7391", true],
    ["a sentence", "They wrote: Ring twice!", true],
    ["a sentence of another script", "（鍵は花瓶の下）", true],
    ["a part of a line", "a PIN: 7391 of something", false],
    ["a line inside of words", "outdoor PIN: 73910", false],
    ["a sentence that is one short word", "yes, it is", false]
  ])("[TOP10] an output repeats %s, however short: models quote by sentences", (_, output, repeats) => {
    const text =
      "Door PIN: 7391.\nYes. Ring twice! And never tell anybody outside of the family.\r\n鍵は花瓶の下。誰にも言わないで。"
    assert.strictEqual(repeatsOf(text)(output), repeats)
  })

  it("[TOP10] a short text is repeated without its full stop", () => {
    assert.isTrue(repeatsOf("4711.")("it is 4711, I believe"))
  })

  it.each([
    ["line breaks", "one\r\ntwo\u2028three\u0085four\vfive"],
    ["tags of the prompt", "<question> what is </line> this << here"],
    ["control characters", "one\u0000two \u001b three\u007ffour five"],
    ["half of a pair", "one two three four \ud83d five six"]
  ])("[TOP10] a text is repeated as a prompt shows it, and as an answer is read: %s", (_, erased) => {
    const shown = escapeText(erased)
    assert.isTrue(repeatsOf(erased)(shown))
    assert.isTrue(repeatsOf(erased)(stripControlCharacters(shown)))
    assert.isTrue(repeatsOf(stripControlCharacters(shown))(erased))
  })

  it("[TOP10] nothing repeats an empty text", () => {
    assert.isFalse(repeatsOf(" ")("anything"))
  })

  it.prop(
    "[TOP10] finds every part of 20 characters, wherever it stands",
    { before: Schema.String, after: Schema.String, units: Schema.Array(Unit).check(Schema.isMinLength(40)) },
    ({ after, before, units }) => {
      const text = units.join("")
      const part = text.toLowerCase().replaceAll(/\s+/gu, " ").trim().slice(0, 20)
      assert.isTrue(part.trim().length < 20 || repeatsOf(text)(before + part + after))
    }
  )
})
