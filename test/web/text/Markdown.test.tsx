import { assert, describe, it } from "@effect/vitest"
import { renderToStaticMarkup } from "react-dom/server"
import { Markdown } from "../../../src/web/text/Markdown.tsx"

describe("Markdown", () => {
  it("[SEC31] HTML is text, an image is a link", () => {
    const html = renderToStaticMarkup(<Markdown text={"<b>x</b> ![alt](https://host.test/i.png)"} />)
    assert.include(html, "&lt;b&gt;x&lt;/b&gt;")
    assert.include(html, `<a href="https://host.test/i.png" target="_blank" rel="noopener noreferrer nofollow">alt</a>`)
    assert.notInclude(html, "<img")
  })
})
