/** The page by keyboard alone, in a real browser, where the Tab key moves. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Locator, Page } from "playwright-core"
import { executablePath, fromPromise, launchBrowser } from "../support/Browser.ts"
import { askButton, createThread, expectText, openBrowserUser, sendText, textbox } from "../support/BrowserPage.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"

/** As many presses are tried; a test fails long before. */
const maxPresses = 60

const press = (page: Page, key: string) => fromPromise(() => page.keyboard.press(key))

/** Presses a key until an element, or something in it, has the focus; returns how often. */
const pressUntil = Effect.fnUntraced(function*(page: Page, key: string, element: Locator) {
  const focused = element.and(page.locator(":focus")).or(element.locator(":focus"))
  for (let count = 0; count < maxPresses; count++) {
    if ((yield* fromPromise(() => focused.count())) > 0) return count
    yield* press(page, key)
  }
  return maxPresses
})

/** Marks what has the focus as reached; returns whether it was already. */
const markFocused = (page: Page) =>
  fromPromise(() =>
    page.evaluate<boolean>(`(() => {
      const { dataset } = document.activeElement
      const wasReached = "reached" in dataset
      dataset.reached = ""
      return wasReached
    })()`)
  )

/** Presses a key until it leads to nothing new. */
const markAlong = Effect.fnUntraced(function*(page: Page, key: string) {
  for (let count = 0; count < maxPresses; count++) {
    yield* press(page, key)
    if (yield* markFocused(page)) return
  }
})

/** Reaches all that the keys of the part of the page around the focus lead to. */
const markPart = Effect.fnUntraced(function*(page: Page) {
  const focus = page.locator(":focus")
  const isIn = (part: string) => Effect.map(fromPromise(() => focus.and(page.locator(`${part} *`)).count()), Boolean)
  if (yield* isIn("[role=toolbar]")) yield* markAlong(page, "ArrowRight")
  if (yield* isIn("nav")) yield* Effect.forEach(["ArrowUp", "ArrowDown"], (key) => markAlong(page, key))
  if (yield* isIn("[role=log]")) yield* markRows(page)
})

/** Reaches all rows of the timeline, from the newest up, and what is in each of them. */
const markRows = Effect.fnUntraced(function*(page: Page) {
  for (let count = 0; count < maxPresses; count++) {
    yield* markAlong(page, "ArrowRight")
    yield* press(page, "ArrowUp")
    if (yield* markFocused(page)) return
  }
})

/** What can be seen and used but was not reached, by its name. */
const listMissed = (page: Page) =>
  fromPromise(() =>
    page.evaluate<ReadonlyArray<string>>(`
      [...document.querySelectorAll("a[href], button, input, textarea, select, summary, pre")]
        .filter((element) => element.checkVisibility() && !element.matches(":disabled, [data-reached]"))
        .map((element) => element.ariaLabel ?? element.textContent)`)
  )

Prerequisite.describeWith(Prerequisite.browser(executablePath), "the page by keyboard", () => {
  it.live("leads to everything in it, and in fewer than 8 presses of Tab to each part", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder })
      const chromium = yield* launchBrowser
      // All rows are in view: where they are not, arrow keys scroll to the end of a row before they leave it.
      const ann = yield* openBrowserUser(chromium, server.url, { viewport: { width: 1_440, height: 1_800 } })
      const { page } = ann
      yield* createThread(page, "Another thread")
      yield* createThread(page, "Why do bridges sing?")
      yield* sendText(page, "Wind sheds vortices behind the cables of a bridge, and the cables sing.")
      yield* sendText(page, "See [the notes](https://example.org):\n\n```\nf = 0.2 v / d\n```")
      yield* sendText(page, "Dampers take the energy out of the cables of a bridge.")
      yield* fromPromise(() => askButton(page).click())
      yield* sendText(page, "Why do the cables of a bridge sing?")
      const answer = page.getByRole("region", { name: "Answer of the Chorus" })
      yield* fromPromise(() => answer.waitFor())
      const ben = yield* openBrowserUser(chromium, page.url())
      yield* sendText(ben.page, "We could measure it.")
      yield* expectText(page, "We could measure it.")
      // Backspace on the empty field leaves the question.
      yield* fromPromise(() => textbox(page).press("Backspace"))
      yield* sendText(page, "The newest message.")
      yield* expectText(ben.page, "The newest message.")
      const log = page.getByRole("log")
      const source = page.getByRole("list", { name: "Citations" }).getByRole("button").first()
      // The focus is at the top of the document afterwards.
      const openAgain = Effect.andThen(
        fromPromise(() => page.reload()),
        Effect.andThen(fromPromise(() => source.waitFor()), expectText(page, "The newest message."))
      )

      yield* openAgain
      assert.isBelow(yield* pressUntil(page, "Tab", textbox(page)), 8)
      assert.strictEqual(yield* pressUntil(page, "Shift+Tab", log), 1)
      const newest = page.getByRole("article").last()
      assert.strictEqual(yield* pressUntil(page, "Tab", newest), 0)
      assert.strictEqual(
        yield* pressUntil(page, "ArrowRight", newest.getByRole("button", { name: "Erase this message" })),
        3
      )
      // The next press of Tab leaves the timeline, and the way back is to the message.
      assert.strictEqual(yield* pressUntil(page, "Tab", textbox(page)), 1)
      assert.strictEqual(yield* pressUntil(page, "Shift+Tab", newest), 1)

      yield* openAgain
      const menu = page.getByRole("button", { name: "More about this thread" })
      assert.isBelow(yield* pressUntil(page, "Tab", page.getByRole("toolbar", { name: "People and more" })), 8)
      assert.isBelow(yield* pressUntil(page, "ArrowRight", menu), 3)
      assert.strictEqual(yield* pressUntil(page, "Tab", log), 1)
      // Past the submission.
      assert.strictEqual(yield* pressUntil(page, "ArrowUp", page.getByRole("article").filter({ has: source })), 2)
      assert.isBelow(yield* pressUntil(page, "ArrowRight", source), 8)
      yield* press(page, "Enter")
      yield* fromPromise(() => page.locator("blockquote mark").waitFor())
      assert.strictEqual(yield* fromPromise(() => source.getAttribute("aria-expanded")), "true")

      // By the skip link.
      yield* openAgain
      yield* Effect.andThen(press(page, "Tab"), press(page, "Enter"))
      assert.strictEqual(yield* pressUntil(page, "Tab", textbox(page)), 0)

      yield* openAgain
      assert.isNotEmpty(yield* listMissed(page))
      yield* press(page, "Tab")
      for (let count = 1; !(yield* markFocused(page)); count++) {
        assert.isBelow(count, maxPresses)
        yield* markPart(page)
        yield* press(page, "Tab")
      }
      assert.deepStrictEqual(yield* listMissed(page), [])
      assert.deepStrictEqual([...ann.pageErrors, ...ben.pageErrors], [])
    })))
})
