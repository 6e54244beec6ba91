import { assert, describe, it } from "@effect/vitest"
import { type Catalogue, pageLanguage } from "../../../src/web/language/Language.ts"

const files = import.meta.glob<Record<string, unknown>>("../../../src/web/**/*Messages.ts", { eager: true })

const isCatalogue = (value: unknown): value is Catalogue<unknown> =>
  typeof value === "object" && value !== null && "en" in value && "de" in value

const catalogues = Object.values(files).flatMap((exported) =>
  Object.entries(exported).flatMap(([name, catalogue]) => isCatalogue(catalogue) ? [{ name, catalogue }] : [])
)

const words = Array.from({ length: 9 }, (_, index) => `«${index}»`)

/** Every message by its path: a text, or for a function what it makes of words. */
const messagesOf = (value: unknown, path = ""): ReadonlyArray<readonly [path: string, text: string]> => {
  if (typeof value === "string") return [[path, value]]
  if (typeof value === "function") return [[path, String(value(...words))]]
  return Object.entries(value as object).flatMap(([key, message]) => messagesOf(message, `${path}.${key}`))
}

const valuesIn = (text: string) => words.filter((word) => text.includes(word))

describe("the catalogues of messages", () => {
  it("are those of every feature", () => {
    assert.isAtLeast(catalogues.length, 8)
  })

  it.each(catalogues)(
    "$name has every message in English and in German, with the same values in it",
    ({ catalogue }) => {
      const [en, de] = [messagesOf(catalogue.en), messagesOf(catalogue.de)]
      const withValues = (messages: typeof en) => messages.map(([path, text]) => [path, valuesIn(text)])
      assert.deepStrictEqual(withValues(de), withValues(en))
      for (const [path, text] of [...en, ...de]) assert.notStrictEqual(text.trim(), "", path)
    }
  )

  it.each(catalogues)("$name is translated: words may be the same, sentences are not", ({ catalogue }) => {
    const de = new Map(messagesOf(catalogue.de))
    const isSentence = (text: string) => text.replaceAll(/«\d»/g, "").trim().split(/\s+/).length > 3
    const same = messagesOf(catalogue.en).filter(([path, text]) => isSentence(text) && de.get(path) === text)
    assert.deepStrictEqual(same, [])
  })
})

describe("the language of the page", () => {
  it("is the chosen one, or else the first of the browser that it speaks", () => {
    const language = (...[choice, browser]: Parameters<typeof pageLanguage>) => pageLanguage(choice, browser).language
    assert.strictEqual(language("system", ["fr-FR", "de-AT", "en-GB"]), "de")
    assert.strictEqual(language("system", ["DE"]), "de")
    assert.strictEqual(language("system", ["fr"]), "en")
    assert.strictEqual(language("system", []), "en")
    assert.strictEqual(language("en", ["de-DE"]), "en")
    assert.strictEqual(language("de", ["en-US"]), "de")
  })

  it("leaves out of a time what today says already", () => {
    const today = new Date(2026, 2, 17).getTime()
    const { format } = pageLanguage("de", ["de-DE"], today)
    assert.strictEqual(format.shortTime(new Date(2026, 2, 17, 9, 5).getTime()), "09:05")
    assert.strictEqual(format.shortTime(new Date(2026, 0, 2).getTime()), "2. Jan.")
    assert.strictEqual(format.shortTime(new Date(2025, 0, 2).getTime()), "2. Jan. 2025")
    assert.strictEqual(format.day(today), "Dienstag, 17. März")
  })

  it("writes numbers and times as its own region does, where the browser says which", () => {
    const formats = (...[choice, browser]: Parameters<typeof pageLanguage>) => pageLanguage(choice, browser).format
    assert.strictEqual(formats("system", ["de-DE"]).number(1234.5), "1.234,5")
    assert.strictEqual(formats("en", ["de-DE"]).number(1234.5), "1,234.5")
    assert.match(formats("system", ["en-US"]).timeOfDay(0), /[AP]M$/)
    assert.match(formats("system", ["en-GB"]).timeOfDay(0), /^\d\d:\d\d$/)
  })
})
