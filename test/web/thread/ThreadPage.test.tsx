/** The page of a thread before and after its state has arrived. */
import { assert, beforeEach, describe, it } from "@effect/vitest"
import type { ThreadSummary } from "../../../src/domain/protocol/Protocol.ts"
import { ChoirProvider } from "../../../src/react/ClientContext.ts"
import { cardPart } from "../../../src/web/design/popups.ts"
import { ToastProvider } from "../../../src/web/design/Toast.tsx"
import { ilyas, mara, noor } from "../../../src/web/states/fixturePeople.ts"
import { FixtureThread } from "../../../src/web/states/FixtureThread.ts"
import { ThreadPage } from "../../../src/web/thread/ThreadPage.tsx"
import { setValue } from "../composer/ComposerPage.tsx"
import { FixtureConnection } from "../FixtureConnection.ts"
import { all, click, one, perform, press, render } from "../Rendered.ts"

beforeEach(() => localStorage.clear())

const maras = () => new FixtureThread("bridge", mara, "Bridges", "public")

/** A thread in the document that is not answered yet. */
const open = async (thread: FixtureThread, summary: ThreadSummary | undefined, known = [thread]) => {
  const connection = await FixtureConnection.open(known)
  const page = await render(
    <ChoirProvider client={connection.client}>
      <ToastProvider>
        <ThreadPage
          id={thread.id}
          summary={summary}
          message={undefined}
          onThreadChanged={() => {}}
          focusComposer={false}
          onComposerFocused={() => {}}
        />
      </ToastProvider>
    </ChoirProvider>
  )
  return {
    connection,
    load: () => connection.answer(),
    head: () => page.container.querySelector("header")?.textContent,
    title: () => page.container.querySelector("h1")?.textContent,
    text: () => page.container.textContent,
    isBusy: () => page.container.querySelector("main")?.getAttribute("aria-busy") === "true",
    hasTimeline: () => page.container.querySelector("[role=log]") !== null,
    label: () => page.container.querySelector("textarea")?.labels[0]?.textContent,
    [Symbol.asyncDispose]: async () => {
      await page[Symbol.asyncDispose]()
      await connection[Symbol.asyncDispose]()
    }
  }
}

describe("a thread whose state is not there yet", () => {
  it("has the title, the facts and the field of its entry in the list", async () => {
    const thread = maras()
    thread.join(ilyas)
    await using page = await open(thread, thread.summary())
    assert.strictEqual(page.title(), "Bridges")
    assert.include(page.head(), "Public2 co-authors")
    assert.strictEqual(document.title, "Bridges · Choir")
    assert.strictEqual(page.label(), "Your message")
    assert.isTrue(page.isBusy())
    assert.isFalse(page.hasTimeline())
    assert.include(page.text(), "The thread is loading")
    await page.load()
    assert.strictEqual(page.title(), "Bridges")
    assert.isFalse(page.isBusy())
    assert.isTrue(page.hasTimeline())
    assert.notInclude(page.text(), "The thread is loading")
  })

  it("keeps what is typed, the field and its focus when the messages come", async () => {
    const thread = maras()
    thread.say(mara, "Why do bridges sing?")
    await using page = await open(thread, thread.summary())
    const field = one("textbox") as HTMLTextAreaElement
    await perform(() => field.focus())
    await setValue(field, "Because of the wind")
    await page.load()
    assert.isTrue(page.hasTimeline())
    assert.strictEqual(one("textbox"), field)
    assert.strictEqual(document.activeElement, field)
    assert.strictEqual(field.value, "Because of the wind")
  })

  it("takes a message", async () => {
    const thread = maras()
    await using page = await open(thread, thread.summary())
    const field = one("textbox") as HTMLTextAreaElement
    await perform(() => field.focus())
    await setValue(field, "Because of the wind")
    await press("Enter")
    const sent = page.connection.received.filter(({ type }) => type === "submit_message")
    assert.deepStrictEqual(sent.map(({ payload, thread_id }) => ({ payload, thread_id })), [
      { thread_id: thread.id, payload: { content: "Because of the wind" } }
    ])
    assert.strictEqual(field.value, "")
    assert.isFalse(page.hasTimeline())
  })

  it("says who sees the answer to a question, and who its people are", async () => {
    await cardPart.preload()
    const thread = maras()
    thread.join(ilyas)
    await using page = await open(thread, thread.summary())
    await click(one("button", "Ask"))
    assert.include(page.text(), "everybody here sees the answer")
    await click(one("button", "People"))
    const people = one("dialog")
    assert.lengthOf(people.querySelectorAll("li"), 2)
    assert.include(people.textContent, "when the other co-authors have approved")
  })

  it("has no field if the list says that it is closed", async () => {
    const thread = maras()
    thread.command(mara, { _tag: "close_thread" })
    await using page = await open(thread, thread.summary())
    assert.include(page.head(), "Closed")
    assert.include(page.text(), "This thread is closed")
    assert.lengthOf(all("textbox"), 0)
    await page.load()
    assert.isTrue(page.hasTimeline())
    assert.lengthOf(all("textbox"), 0)
  })

  it("has a field for submissions if the list names others as its co-authors", async () => {
    const thread = new FixtureThread("bridge", ilyas, "Bridges", "public")
    await using page = await open(thread, thread.summary())
    assert.strictEqual(page.label(), "Your submission")
  })

  it("shows that it loads, and nothing else, if it is in no list", async () => {
    const thread = maras()
    await using page = await open(thread, undefined)
    assert.isTrue(page.isBusy())
    assert.strictEqual(page.text(), "The thread is loading")
    assert.lengthOf(all("textbox"), 0)
    assert.lengthOf(all("button"), 0)
    await page.load()
    assert.strictEqual(page.title(), "Bridges")
    assert.strictEqual(page.label(), "Your message")
  })

  it("is corrected by its state where the list was wrong", async () => {
    const thread = new FixtureThread("bridge", ilyas, "Bridges", "public")
    const summary = thread.summary()
    thread.join(noor, mara)
    await using page = await open(thread, { ...summary, title: "An older title", visibility: "members" })
    assert.strictEqual(page.title(), "An older title")
    assert.include(page.head(), "Only for its co-authors1 co-author")
    assert.strictEqual(page.label(), "Your submission")
    const field = one("textbox") as HTMLTextAreaElement
    await setValue(field, "Because of the wind")
    await page.load()
    assert.strictEqual(page.title(), "Bridges")
    assert.strictEqual(document.title, "Bridges · Choir")
    assert.include(page.head(), "Public3 co-authors")
    assert.strictEqual(page.label(), "Your message")
    // What was written as a submission is a message now, and not sent before its author says so.
    assert.strictEqual(one("textbox"), field)
    assert.strictEqual(field.value, "Because of the wind")
    assert.deepStrictEqual(page.connection.typesOf("submit_message"), [])
  })

  it("sets aside what was typed if its state says that it is closed", async () => {
    const thread = maras()
    const summary = thread.summary()
    thread.command(mara, { _tag: "close_thread" })
    await using page = await open(thread, summary)
    await setValue(one("textbox") as HTMLTextAreaElement, "Because of the wind")
    await page.load()
    assert.lengthOf(all("textbox"), 0)
    assert.include(page.text(), "This thread is closed")
    assert.include(page.text(), "Because of the wind")
  })

  it("[TOP10] says that its title was erased", async () => {
    const thread = maras()
    thread.erase(mara, 1)
    await using page = await open(thread, thread.summary())
    assert.include(page.title(), "This text was erased")
    assert.strictEqual(document.title, "Choir")
  })

  it("says that it cannot be read, once it is refused", async () => {
    const thread = maras()
    await using page = await open(thread, thread.summary(), [])
    assert.lengthOf(all("textbox"), 1)
    await page.load()
    assert.strictEqual(page.title(), "You cannot read this thread")
    assert.include(page.text(), "may not read it")
    assert.lengthOf(all("textbox"), 0)
    assert.isUndefined(page.head())
  })
})
