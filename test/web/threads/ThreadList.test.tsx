import { assert, describe, it } from "@effect/vitest"
import { createRef } from "react"
import type { ThreadSummary } from "../../../src/domain/protocol/Protocol.ts"
import { ThreadList } from "../../../src/web/threads/ThreadList.tsx"
import { topicId, userId } from "../../support/TopicWorld.ts"
import { click, one, perform, press, render } from "../Rendered.ts"

const me = userId(0)

const summary = (index: number, more: Partial<ThreadSummary> = {}): ThreadSummary => ({
  thread_id: topicId(`thread:${index}`),
  title: `Thread ${index}`,
  visibility: "public",
  status: "active",
  co_authors: [me],
  updated_at: 1_000_000 - index as never,
  ...more
})

const list = async (threads: ReadonlyArray<ThreadSummary> | undefined, open?: ThreadSummary) => {
  const field = createRef<HTMLInputElement>()
  const pressed: Array<string> = []
  const page = await render(
    <ThreadList
      threads={threads}
      onPress={(thread) => pressed.push(thread)}
      me={me}
      open={open?.thread_id}
      searchField={field}
    />
  )
  const rows = () => [...page.container.querySelectorAll<HTMLElement>("nav a")]
  return {
    [Symbol.asyncDispose]: () => page[Symbol.asyncDispose](),
    pressed,
    rows,
    titles: () => rows().map((row) => row.querySelector("[dir=auto]")?.textContent),
    text: () => page.container.textContent,
    tabStops: () => rows().filter((row) => row.getAttribute("tabindex") === "0"),
    focused: () => rows().findIndex((row) => row === document.activeElement),
    search: (words: string) =>
      perform(() => {
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(field.current, words)
        field.current?.focus()
        field.current?.dispatchEvent(new Event("input", { bubbles: true }))
      })
  }
}

describe("the list of threads", () => {
  it("is one stop of the Tab key, in which arrows, Home and End move", async () => {
    const threads = Array.from({ length: 13 }, (_, index) => summary(index))
    await using page = await list(threads, threads[4])
    assert.deepStrictEqual(page.tabStops(), [page.rows()[4]])
    await perform(() => page.tabStops()[0]?.focus())
    const visited: Array<number> = []
    for (const key of ["ArrowDown", "ArrowUp", "ArrowUp", "Home", "ArrowUp", "End", "ArrowDown"]) {
      await press(key)
      visited.push(page.focused())
      assert.deepStrictEqual(page.tabStops(), [page.rows()[page.focused()]])
    }
    assert.deepStrictEqual(visited, [5, 4, 3, 0, 0, 12, 12])
  })

  it("has one's own threads before those of others, the newest first, and marks the open one", async () => {
    const theirs = summary(0, { co_authors: [userId(1)] })
    await using page = await list([summary(2), theirs, summary(1)], theirs)
    assert.deepStrictEqual(page.titles(), ["Thread 1", "Thread 2", "Thread 0"])
    assert.deepStrictEqual(page.rows().map((row) => row.getAttribute("aria-current")), [null, null, "page"])
  })

  it("[TOP10] says who may read a thread, that it is closed, and that its title was erased", async () => {
    await using page = await list([
      summary(0, { title: null, visibility: "members", status: "closed", co_authors: [me, userId(1)] })
    ])
    assert.match(page.rows()[0]!.textContent, /This text was erased.*Co-authors only · 2 co-authors · closed$/)
  })

  it("shows the threads whose title has all words, in any order and case", async () => {
    await using page = await list([
      summary(0, { title: "Why does Brannoch sing?" }),
      summary(1, { title: "Brannoch, winter" }),
      summary(2, { title: null })
    ])
    await page.search("SING brann")
    assert.deepStrictEqual(page.titles(), ["Why does Brannoch sing?"])
    assert.strictEqual(one("status").textContent, "1 thread")
    await press("ArrowDown")
    assert.strictEqual(page.focused(), 0)
    await page.search("nothing")
    assert.deepStrictEqual(page.titles(), [])
    assert.include(page.text(), "No title contains “nothing”.")
    await press("Escape")
    assert.lengthOf(page.rows(), 3)
  })

  it("says in words that there is nothing, or nothing yet", async () => {
    await using page = await list([])
    assert.include(page.text(), "You have no threads yet.")
    assert.include(page.text(), "There are no other public threads.")
    await using loading = await list(undefined)
    assert.include(loading.text(), "Loading the threads")
    assert.notInclude(loading.text(), "You have no threads yet.")
  })

  it("reports the press of the mouse's first button on a thread", async () => {
    await using page = await list([summary(0), summary(1)])
    const press = (target: Element | null | undefined, init: PointerEventInit) =>
      perform(() => target?.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, ...init })))
    const row = page.rows()[1]
    await press(row, { pointerType: "touch" })
    await press(row, { pointerType: "pen" })
    await press(row, { pointerType: "mouse", button: 1 })
    await press(row, { pointerType: "mouse", button: 2 })
    await press(row?.closest("nav"), { pointerType: "mouse" })
    assert.deepStrictEqual(page.pressed, [])
    await press(row?.querySelector("[dir=auto]"), { pointerType: "mouse" })
    assert.deepStrictEqual(page.pressed, ["thread:1"])
  })

  it("shows 200 rows, and more when asked", async () => {
    await using page = await list(Array.from({ length: 450 }, (_, index) => summary(index)))
    assert.lengthOf(page.rows(), 200)
    await click(one("button", "Show 200 more"))
    assert.lengthOf(page.rows(), 400)
    await click(one("button", "Show 50 more"))
    assert.lengthOf(page.rows(), 450)
  })
})
