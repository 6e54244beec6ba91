import { assert, describe, it } from "@effect/vitest"
import type { ReactNode } from "react"
import { Toolbar } from "../../../src/web/design/Toolbar.tsx"
import { click, one, perform, press, render } from "../Rendered.ts"

const Tools = ({ disabled, names = ["one", "two", "three"] }: {
  readonly disabled?: string
  readonly names?: ReadonlyArray<string>
}): ReactNode => (
  <>
    <button type="button">outside</button>
    <Toolbar label="Tools">
      {names.map((name) => <button key={name} type="button" disabled={name === disabled}>{name}</button>)}
    </Toolbar>
  </>
)

const toolbar = () => document.querySelector<HTMLElement>("[role=toolbar]")!
const focused = () => document.activeElement?.textContent

/** What can be reached by the Tab key, by its role or text. */
const stops = (): ReadonlyArray<string | null> =>
  [...document.querySelectorAll<HTMLElement>("[tabindex], button, a, input")]
    .filter(({ tabIndex }) => tabIndex === 0)
    .map((element) => element.getAttribute("role") ?? element.textContent)

/** The Tab key comes to the toolbar. */
const enter = () => perform(() => toolbar().focus())
const leave = () => perform(() => one("button", "outside").focus())

/** Presses keys, and returns what had the focus after each. */
const walk = async (...keys: ReadonlyArray<string>) => {
  const visited = []
  for (const key of keys) {
    await press(key)
    visited.push(focused())
  }
  return visited
}

describe("a toolbar", () => {
  it("is one stop of the Tab key, in which arrows, Home and End move", async () => {
    await using _ = await render(<Tools />)
    assert.deepStrictEqual(stops(), ["outside", "toolbar"])
    await enter()
    assert.strictEqual(focused(), "one")
    // No stop before what has the focus: Shift and Tab lead out.
    assert.deepStrictEqual(stops(), ["outside"])
    assert.deepStrictEqual(
      await walk("ArrowLeft", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "Home", "End", "ArrowDown"),
      ["one", "two", "three", "three", "two", "one", "three", "three"]
    )
    await leave()
    assert.deepStrictEqual(stops(), ["outside", "toolbar"])
    await enter()
    assert.strictEqual(focused(), "three")
  })

  it("is mirrored from right to left", async () => {
    await using _ = await render(<Tools />)
    document.documentElement.style.direction = "rtl"
    await enter()
    const visited = await walk("ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowRight", "End", "Home")
    document.documentElement.style.direction = ""
    assert.deepStrictEqual(visited, ["one", "two", "three", "two", "three", "one"])
  })

  it("is entered at what was pressed last", async () => {
    await using _ = await render(<Tools />)
    await click(one("button", "two"))
    await leave()
    await enter()
    assert.strictEqual(focused(), "two")
  })

  it("is entered at its first control when the last one is gone or disabled, and passes disabled ones", async () => {
    await using page = await render(<Tools />)
    await click(one("button", "two"))
    await page.update(<Tools names={["one", "three"]} />)
    assert.deepStrictEqual(stops(), ["outside", "toolbar"])
    await enter()
    assert.strictEqual(focused(), "one")
    await page.update(<Tools disabled="two" />)
    assert.deepStrictEqual(await walk("ArrowRight", "ArrowLeft"), ["three", "one"])
    await leave()
    await page.update(<Tools disabled="one" />)
    await enter()
    assert.strictEqual(focused(), "two")
  })

  it("takes in controls that come later", async () => {
    await using page = await render(<Tools names={["one"]} />)
    await page.update(<Tools />)
    assert.deepStrictEqual(stops(), ["outside", "toolbar"])
    await enter()
    assert.deepStrictEqual(await walk("End"), ["three"])
  })

  it("leaves the keys of a field to it while its caret can move", async () => {
    await using _ = await render(
      <Toolbar label="Tools">
        <button type="button">before</button>
        <input type="text" defaultValue="ab" />
      </Toolbar>
    )
    const field = one("textbox") as HTMLInputElement
    await perform(() => field.focus())
    await perform(() => field.setSelectionRange(1, 1))
    await walk("ArrowLeft", "Home", "End")
    assert.strictEqual(document.activeElement, field)
    await perform(() => field.setSelectionRange(0, 1))
    await walk("ArrowLeft")
    assert.strictEqual(document.activeElement, field)
    await perform(() => field.setSelectionRange(0, 0))
    assert.deepStrictEqual(await walk("ArrowLeft"), ["before"])
  })
})
