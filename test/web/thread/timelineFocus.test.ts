import { afterEach, assert, describe, it } from "@effect/vitest"
import { timelineFocus } from "../../../src/web/thread/timelineFocus.ts"

/** Three rows of 100 pixels in a timeline of 150, which is scrolled by some pixels. */
const timeline = (scrolled: number) => {
  const log = document.createElement("div")
  log.innerHTML = `
    <article id="a"><button id="copy"></button><p><button id="gone" disabled></button><a id="link" href="#"></a></p></article>
    <article id="b"><pre id="code" role="region" tabindex="0" style="overflow-x: auto"></pre><a id="after" href="#"></a></article>
    <article id="c"></article>`
  const place = (element: Element, top: number, height: number) =>
    Object.assign(element, { getBoundingClientRect: () => new DOMRect(0, top, 100, height) })
  document.body.append(log)
  place(log, 0, 150)
  for (const [index, row] of log.querySelectorAll("article").entries()) place(row, index * 100 - scrolled, 100)
  return log
}

/** Where a key leads; undefined if it does what it does in any text. */
const move = (log: HTMLElement, from: string, key: string) =>
  timelineFocus.move(key, log.querySelector<HTMLElement>(`#${from}`)!, log)?.id

afterEach(() => document.body.replaceChildren())

describe("the keyboard in the timeline", () => {
  it("goes from row to row, also from within one, once the end of the row is shown", () => {
    assert.strictEqual(move(timeline(0), "a", "ArrowDown"), "b")
    assert.strictEqual(move(timeline(0), "copy", "ArrowDown"), "b")
    assert.isUndefined(move(timeline(0), "b", "ArrowDown"))
    assert.strictEqual(move(timeline(50), "b", "ArrowDown"), "c")
    assert.strictEqual(move(timeline(50), "b", "ArrowUp"), "a")
    assert.isUndefined(move(timeline(110), "b", "ArrowUp"))
    assert.isUndefined(move(timeline(150), "c", "ArrowDown"))
  })

  it("goes from control to control within a row, past those that are disabled, and back to the row", () => {
    const log = timeline(0)
    const from = ["a", "copy", "link"]
    assert.deepStrictEqual(from.map((id) => move(log, id, "ArrowRight")), ["copy", "link", undefined])
    assert.deepStrictEqual(from.map((id) => move(log, id, "ArrowLeft")), [undefined, "a", "copy"])
    assert.deepStrictEqual([move(log, "copy", "End"), move(log, "link", "Home")], ["link", "a"])
    assert.isUndefined(move(log, "a", "Home"))
  })

  it("scrolls code to its end before it leaves it", () => {
    const log = timeline(0)
    const code = log.querySelector("pre")!
    Object.defineProperties(code, { scrollWidth: { value: 300 }, clientWidth: { value: 100 } })
    const leads = ["ArrowLeft", "ArrowRight"].map((key) =>
      [0, 100, 200].map((scrollLeft) => {
        code.scrollLeft = scrollLeft
        return move(log, "code", key)
      })
    )
    assert.deepStrictEqual(leads, [["b", undefined, undefined], [undefined, undefined, "after"]])
  })

  it("comes where the focus was last, or to the newest row in view", () => {
    const log = timeline(60)
    const enter = (last: string) => timelineFocus.enter(log, log.querySelector<HTMLElement>(`#${last}`)!)?.id
    assert.deepStrictEqual(["a", "b", "c"].map(enter), ["a", "b", "c"])
    assert.strictEqual(timelineFocus.enter(log, undefined)?.id, "c")
    const begin = timeline(0)
    assert.strictEqual(timelineFocus.enter(begin, begin.querySelector<HTMLElement>("#c")!)?.id, "b")
  })
})
