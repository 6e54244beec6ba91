/** The timeline of a long thread in a real browser, where rows have heights. */
import { assert, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import type { Page } from "playwright-core"
import * as Client from "../../src/client/Client.ts"
import * as Keys from "../../src/client/Keys.ts"
import { TopicId } from "../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { executablePath, fromPromise, launchBrowser } from "../support/Browser.ts"
import { expectGone, expectText, openBrowserUser } from "../support/BrowserPage.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"

const messageCount = 384
const importSize = 64

/** A thread with messages `Message 0.` and so on, and its author's view of it. */
const makeLongThread = Effect.fnUntraced(function*(url: string) {
  const identity = yield* Keys.fromSecret(yield* Keys.generateSecret)
  const client = yield* Client.make({ url, identity, kinds: [threadKind] })
  const id = Client.commandId()
  const topic = Client.plainTopic(client.topic(threadKind, TopicId.make(`thread:${id}`)))
  yield* topic.send({ _tag: "create_thread", name: "A long one" }, id)
  for (let start = 0; start < messageCount; start += importSize) {
    const messages = Array.from({ length: importSize }, (_, n) => ({
      content: `Message ${start + n}. ${"It has some lines of text. ".repeat((start + n) % 20)}`,
      source: `part-${start}.md`
    }))
    yield* topic.send({ _tag: "import_messages", messages })
  }
  return topic
})

/** Waits until a condition on the page holds. */
const expectTrue = (page: Page, condition: string) =>
  fromPromise(() => page.evaluate<boolean>(condition)).pipe(
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("20 millis") })
  )

const log = `document.querySelector("[role=log]")`
const isAtEnd = `${log}.scrollHeight - ${log}.clientHeight - ${log}.scrollTop <= 1`

/** What stands at the middle of the timeline. */
const middleText = (page: Page) =>
  fromPromise(() =>
    page.evaluate<string>(`(() => {
      const { left, top, width, height } = ${log}.getBoundingClientRect()
      return document.elementFromPoint(left + width / 2, top + height / 2).closest("article").textContent
    })()`)
  )

const rowCount = (page: Page) => fromPromise(() => page.getByRole("article").count())

Prerequisite.describeWith(Prerequisite.browser(executablePath), "the timeline of a long thread", () => {
  it.live(
    "opens at its end and stays there, but for a reader who has scrolled up; a link leads to its message, and the place is kept",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const server = yield* startServer({ data: yield* temporaryFolder, env: { CHOIR_MESSAGE_BURST: "100" } })
        const topic = yield* makeLongThread(server.url)
        const views: Array<Client.View<{ readonly messages: ReadonlyArray<{ readonly id: string }> }>> = []
        topic.onView((view) => views.push(view))
        const { page, pageErrors } = yield* openBrowserUser(yield* launchBrowser, `${server.url}/#${topic.id}`)
        yield* expectText(page, `Message ${messageCount - 1}.`)
        yield* expectTrue(page, isAtEnd)
        // Only what is near the viewport is in the document.
        assert.isBelow(yield* rowCount(page), 60)

        yield* topic.send({ _tag: "submit_message", content: "It grows at its end." })
        yield* expectText(page, "It grows at its end.")
        yield* expectTrue(page, isAtEnd)
        // A lower viewport, as with the keyboard of a phone.
        yield* fromPromise(() => page.setViewportSize({ width: 1100, height: 500 }))
        yield* expectTrue(page, isAtEnd)

        yield* fromPromise(() => page.getByRole("log").hover())
        yield* fromPromise(() => page.mouse.wheel(0, -2_000))
        yield* fromPromise(() => page.getByRole("button", { name: "To the end" }).waitFor())
        const place = yield* middleText(page)
        yield* topic.send({ _tag: "submit_message", content: "It grows further down." })
        yield* fromPromise(() => page.getByRole("button", { name: /^1 new/ }).waitFor())
        assert.strictEqual(yield* middleText(page), place)
        yield* fromPromise(() => page.getByRole("button", { name: /^1 new/ }).click())
        yield* expectTrue(page, isAtEnd)
        yield* expectGone(page, /^1 new/)

        const message = views.at(-1)!.state.messages[100]!
        yield* fromPromise(() => page.goto(`${server.url}/#${topic.id}/${message.id}`))
        yield* fromPromise(() =>
          page.getByRole("article").filter({ hasText: "Message 100." }).and(page.locator(":focus")).waitFor()
        )
        yield* fromPromise(() => page.goto(`${server.url}/#`))
        yield* expectText(page, "No thread is open")
        yield* fromPromise(() => page.goto(`${server.url}/#${topic.id}`))
        yield* expectText(page, "Message 100.")

        // All of it is printed.
        yield* fromPromise(() => page.evaluate(`dispatchEvent(new Event("beforeprint"))`))
        assert.strictEqual(yield* rowCount(page), messageCount + 2)
        yield* fromPromise(() => page.evaluate(`dispatchEvent(new Event("afterprint"))`))
        yield* expectTrue(page, `document.querySelectorAll("article").length < 60`)
        assert.deepStrictEqual(pageErrors, [])
      }))
  )
})
