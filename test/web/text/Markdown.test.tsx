import { afterAll, assert, beforeAll, describe, it, vi } from "@effect/vitest"
import { act, type ReactNode } from "react"
import { createRoot, type Root } from "react-dom/client"
import { erasedMark } from "../../../src/domain/topic/SealedText.ts"
import { LanguageContext, pageLanguage } from "../../../src/web/language/Language.ts"
import { LineText } from "../../../src/web/text/LineText.tsx"
import { Markdown, wordJoiner } from "../../../src/web/text/Markdown.tsx"
import { click, one, render } from "../Rendered.ts"
import { attacks, markdownTexts, richDocument } from "./MarkdownTexts.ts"

const container = document.createElement("div")
let root: Root

beforeAll(async () => {
  vi.stubGlobal("requestIdleCallback", (run: () => void) => run())
  vi.stubGlobal("cancelIdleCallback", () => {})
  document.body.append(container)
  root = createRoot(container)
  // The highlighter is loaded once, so that all code of these tests is coloured.
  await import("../../../src/web/text/HighlightedCode.tsx")
  await act(async () => root.render(<Markdown text={"```ts\n1\n```"} />))
})

afterAll(() => {
  act(() => root.unmount())
  vi.unstubAllGlobals()
  container.remove()
})

/** The elements that a text becomes. */
const show = (element: ReactNode): ReadonlyArray<Element> => {
  act(() => root.render(element))
  return [...container.querySelectorAll("*")]
}

const tags = (text: string): string => show(<Markdown text={text} />).map(({ localName }) => localName).join(" ")

const attributes: Readonly<Record<string, RegExp>> = {
  class: /^[\w -]*$/,
  dir: /^(?:auto|ltr)$/,
  href: /^(?:https?:\/\/|mailto:)/i,
  title: /^/,
  target: /^_blank$/,
  rel: /^noopener noreferrer nofollow$/,
  value: /^\d+$/,
  role: /^(?:img|region)$/,
  tabindex: /^0$/,
  type: /^button$/,
  viewbox: /^0 0 24 24$/,
  d: /^[\w .-]+$/,
  "aria-hidden": /^true$/,
  "aria-label": /^/,
  "aria-live": /^polite$/,
  "data-icon": /^\w+$/
}

const elements = new Set([
  ..."a blockquote button code del div em h3 h4 h5 h6 hr li ol p path pre span strong svg".split(" "),
  ..."table tbody td th thead tr ul".split(" ")
])

/** What of these elements is not in the closed set. */
const foreign = (shown: ReadonlyArray<Element>): ReadonlyArray<string> =>
  shown.flatMap((element) => [
    ...elements.has(element.localName) ? [] : [element.localName],
    ...[...element.attributes].filter(({ name, value }) => attributes[name.toLowerCase()]?.test(value) !== true)
      .map(({ name, value }) => `${element.localName} ${name}=${value}`),
    ...element.localName === "a" && element.getAttribute("rel") === null ? ["a without rel"] : []
  ])

const words = (text: string): ReadonlyArray<string> => text.match(/[\p{L}\p{N}]+/gu) ?? []

/** The words that a reader gets at: text, addresses, titles, names and the numbers of a list. */
const readable = (shown: ReadonlyArray<Element>): string =>
  [
    container.textContent,
    ...shown.flatMap((element) => ["href", "title", "aria-label", "value"].map((name) => element.getAttribute(name)))
  ].join(" ")

const manyRuns = { arbitrary: { runs: 200, size: 40 } }

describe("Markdown", () => {
  it("[SEC31] markup of attackers becomes elements of a closed set, none of which loads or runs anything", () => {
    for (const text of [...attacks, richDocument]) {
      assert.deepStrictEqual(foreign(show(<Markdown text={text} />)), [], text)
      assert.deepStrictEqual(foreign(show(<Markdown text={text} renderCitation={(n) => <span>{n}</span>} />)), [], text)
    }
  })

  it.prop(
    "[SEC31] every text becomes elements of a closed set, and none of its words is lost",
    { text: markdownTexts },
    ({ text }) => {
      const shown = show(<Markdown text={text} />)
      assert.deepStrictEqual(foreign(shown), [])
      const reached = readable(shown)
      assert.deepStrictEqual(words(text).filter((word) => !reached.includes(word)), [])
    },
    manyRuns
  )

  it("a document keeps its words at every length, as it is written", () => {
    for (let length = 0; length <= richDocument.length; length += 11) {
      const text = richDocument.slice(0, length)
      const reached = readable(show(<Markdown text={text} />))
      assert.deepStrictEqual(words(text.replaceAll("[x]", "")).filter((word) => !reached.includes(word)), [])
    }
  })

  it("what did not change keeps its elements while a text grows", () => {
    const [, first, second] = show(<Markdown text={"a\n\n- b\n\nc"} />)
    const shown = show(<Markdown text={"a\n\n- b\n\nc d\n\n# e"} />)
    assert.strictEqual(shown[1], first)
    assert.strictEqual(shown[2], second)
    assert.strictEqual(shown.at(-1)?.localName, "h3")
  })

  it("headings are below those of the page", () => {
    assert.strictEqual(tags("# a\n\n## b\n\n### c\n\n#### d\n\n###### e"), "div h3 h4 h5 h6 h6")
  })

  it("each block takes its direction from its words", () => {
    show(<Markdown text={richDocument} />)
    for (const block of container.firstElementChild!.children) {
      if (block.localName !== "hr") assert.isTrue(block.matches("[dir]") || block.querySelector("[dir]") !== null)
    }
    assert.strictEqual(container.querySelector("blockquote blockquote[dir], li [dir=auto] [dir]"), null)
  })

  it("a citation is glued to the word before it; other numbers stay as they were written", () => {
    const text = "Yes [1], no[2] [9] `[1]` *so* [3] [a [1]](https://x.test)"
    show(<Markdown text={text} renderCitation={(n, written) => n < 9 ? <>{wordJoiner}<b>{n}</b></> : written} />)
    const glued = [...container.querySelectorAll("[class*=glued]")].map(({ innerHTML }) => innerHTML)
    assert.deepStrictEqual(glued, ["Yes\u2060<b>1</b>", "no\u2060<b>2</b> [9]", "\u2060<b>3</b>", "a\u2060<b>1</b>"])
    assert.strictEqual(
      container.textContent,
      "Yes\u20601, no\u20602 [9] [1] so\u20603 [a\u20601](https://x.test)"
    )
    show(<Markdown text="Yes [1]" />)
    assert.strictEqual(container.textContent, "Yes [1]")
  })

  it("tables and code are regions with names, in the page's language, and the keyboard can scroll them", () => {
    const regions = (language: "en" | "de") =>
      show(
        <LanguageContext value={pageLanguage(language, [])}>
          <Markdown text={"|a|\n|-|\n\n```ts\n1\n```\n\n- [x] a\n- [ ] b"} />
        </LanguageContext>
      ).filter((element) => element.getAttribute("aria-label") !== null)
        .map((element) => [element.getAttribute("aria-label"), element.getAttribute("tabindex")])
    assert.deepStrictEqual(regions("en"), [["Table", "0"], ["Code, ts", "0"], ["Done", null], ["To do", null]])
    assert.deepStrictEqual(regions("de"), [["Tabelle", "0"], ["Code, ts", "0"], ["Erledigt", null], ["Offen", null]])
  })

  it("code of a known language has colours, and the same characters", () => {
    const code = "const a = '<b>' // c\n\tif (a) return `${1}`"
    show(<Markdown text={`\`\`\`ts\n${code}\n\`\`\``} />)
    assert.isAbove(container.querySelectorAll("code span").length, 4)
    assert.strictEqual(container.querySelector("code")?.textContent, code)
    // Other languages, and a fence that is still open, have none.
    show(<Markdown text={`\`\`\`nope\n${code}\n\`\`\`\n\n\`\`\`ts\n${code}`} />)
    assert.strictEqual(container.querySelectorAll("code span").length, 0)
  })

  it("[TOP10] an erased text is a note", () => {
    show(<><Markdown text={erasedMark} /><LineText text={erasedMark} /><LineText text="*a*" /></>)
    assert.strictEqual(container.textContent, "This text was erasedThis text was erased*a*")
  })
})

describe("the button that copies code", () => {
  const code = "```\na <b>\n c\n```"

  it("writes the code to the clipboard and says so", async () => {
    await navigator.clipboard.writeText("")
    await using _ = await render(<Markdown text={code} />)
    await click(one("button", "Copy"))
    assert.strictEqual(await navigator.clipboard.readText(), "a <b>\n c")
    one("button", "Copied")
  })

  it("selects the code where the browser refuses", async () => {
    const clipboard = Object.getOwnPropertyDescriptor(navigator, "clipboard")
    Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true })
    try {
      await using _ = await render(<Markdown text={code} />)
      await click(one("button", "Copy"))
      assert.strictEqual(getSelection()?.toString(), "a <b>\n c")
      one("button", "Copy")
    } finally {
      if (clipboard === undefined) Reflect.deleteProperty(navigator, "clipboard")
      else Object.defineProperty(navigator, "clipboard", clipboard)
    }
  })
})
