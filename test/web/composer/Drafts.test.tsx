import { assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { makeRejection } from "../../../src/domain/protocol/Rejection.ts"
import { retryPending, send } from "../../../src/web/composer/sending.ts"
import { makeDraftStore } from "../../../src/web/composer/useDraft.ts"
import * as savedText from "../../../src/web/storage/savedText.ts"
import { userId } from "../../support/TopicWorld.ts"
import { click, one, perform } from "../Rendered.ts"
import { openComposer } from "./ComposerPage.tsx"
import { ThreadServer } from "./ThreadServer.ts"

const alice = userId(0)
const tooFast = makeRejection("rule_violated", "THR2", "the text is not welcome")

beforeEach(() => localStorage.clear())

/** Another tab of this browser saves a draft. */
const saveElsewhere = (server: ThreadServer, draft: Partial<savedText.Draft>) =>
  perform(() => {
    savedText.saveDraft(alice, server.id, { ...savedText.emptyDraft, ...draft })
    dispatchEvent(new StorageEvent("storage", { key: `choir:draft:${alice}:${server.id}` }))
  })

describe("a draft", () => {
  it("keeps its text and its mode when one leaves the thread at once", async () => {
    const server = new ThreadServer()
    {
      await using page = await openComposer(server)
      await page.click("Ask")
      await page.type("Why does it")
    }
    await using page = await openComposer(server)
    assert.strictEqual(page.field().value, "Why does it")
    assert.strictEqual(page.field().labels[0]?.textContent, "Your question")
    await page.type("Why does it sing?")
    await page.press("Enter")
    assert.strictEqual(server.received[0]?.command._tag, "submit_prompt")
  })

  it("is saved a moment after a change, and not with each key", () => {
    vi.useFakeTimers()
    const { id } = new ThreadServer()
    const store = makeDraftStore(alice, id)
    const saved = () => savedText.readDraft(alice, id).text
    for (const text of ["a", "ab", "abc"]) store.change({ text })
    assert.strictEqual(saved(), "")
    vi.advanceTimersByTime(299)
    store.change({ text: "abcd" })
    assert.strictEqual(saved(), "")
    vi.advanceTimersByTime(1)
    assert.strictEqual(saved(), "abcd")
    vi.useRealTimers()
  })

  it("is saved when the field or the page is left", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    const saved = () => savedText.readDraft(alice, server.id).text
    await page.type("one")
    await perform(() => page.field().dispatchEvent(new FocusEvent("focusout", { bubbles: true })))
    assert.strictEqual(saved(), "one")
    await page.type("two")
    await perform(() => dispatchEvent(new Event("pagehide")))
    assert.strictEqual(saved(), "two")
  })

  it("is gone once it is sent", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    await page.type("text")
    await page.press("Enter")
    assert.deepStrictEqual(savedText.readDraft(alice, server.id), savedText.emptyDraft)
  })

  it("of another tab does not replace what is written here, and is followed by a field that nobody has edited", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    await saveElsewhere(server, { text: "from there", isAsking: true })
    assert.strictEqual(page.field().value, "from there")
    await page.type("from here")
    await saveElsewhere(server, { text: "again from there" })
    assert.strictEqual(page.field().value, "from here")
    await page.press("Enter")
    assert.strictEqual(server.received[0]?.command._tag, "submit_prompt")
    await saveElsewhere(server, {})
    assert.strictEqual(page.field().value, "")
  })
})

describe("a rejected text", () => {
  it("is in the field again if that is empty, with the reason until it is edited", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    await page.click("Ask")
    server.rejection = tooFast
    await page.type("Why?")
    await page.press("Enter")
    assert.strictEqual(page.field().value, "Why?")
    assert.strictEqual(page.field().labels[0]?.textContent, "Your question")
    assert.include(page.text(), "The text is not welcome.")
    assert.deepStrictEqual(page.rejected(), [])
    await page.type("Why not?")
    assert.notInclude(page.text(), "The text is not welcome.")
  })

  it("stands above the field while that has another text; Edit exchanges them, Discard forgets one", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    server.isHeld = true
    server.rejection = tooFast
    await page.type("first")
    await page.press("Enter")
    await page.type("second")
    await perform(() => server.answer())
    assert.strictEqual(page.field().value, "second")
    assert.deepStrictEqual(page.rejected(), ["first"])
    assert.include(page.text(), "The text is not welcome, so nobody else has seen it.")
    await page.click("Edit")
    assert.strictEqual(page.field().value, "first")
    assert.strictEqual(document.activeElement, page.field())
    assert.deepStrictEqual(page.rejected(), ["second"])
    await page.click("Discard")
    assert.deepStrictEqual(page.rejected(), [])
    assert.strictEqual(page.field().value, "first")
    assert.strictEqual(document.activeElement, page.field())
    await click(one("button", "Undo"))
    assert.deepStrictEqual(page.rejected(), ["second"])
    assert.deepStrictEqual(server.contents, [])
  })

  it("outlives the page", async () => {
    const server = new ThreadServer()
    server.rejection = tooFast
    await perform(() => send(server.client(), server.id, { _tag: "submit_message", content: "text" }))
    await using page = await openComposer(server)
    assert.deepStrictEqual(page.rejected(), ["text"])
  })
})

describe("a command without an answer", () => {
  it("[SYN4] is sent by each later page under its id and salt, and takes effect once", async () => {
    const server = new ThreadServer()
    server.isHeld = true
    send(server.client(), server.id, { _tag: "submit_message", content: "text" })
    const [first] = server.received
    // Its page is closed before the answer; two tabs are opened.
    retryPending(server.client())
    retryPending(server.client())
    assert.strictEqual(server.received.length, 3)
    for (const again of server.received) assert.deepStrictEqual(again, first)
    await perform(() => server.answer())
    assert.deepStrictEqual(server.contents, ["text"])
    assert.deepStrictEqual(savedText.listPending(alice), [])
    retryPending(server.client())
    assert.strictEqual(server.received.length, 3)
  })

  it("stays saved when the client is closed, which is no answer", async () => {
    const server = new ThreadServer()
    server.isHeld = true
    send(server.client(), server.id, { _tag: "submit_message", content: "text" })
    await perform(() => server.close())
    assert.deepStrictEqual(savedText.listRejected(alice, server.id), [])
    retryPending(server.client())
    await perform(() => server.answer())
    assert.deepStrictEqual(server.contents, ["text"])
  })

  it("is kept once if it is rejected, although each tab gets the rejection", async () => {
    const server = new ThreadServer()
    server.isHeld = true
    server.rejection = tooFast
    send(server.client(), server.id, { _tag: "submit_message", content: "text" })
    retryPending(server.client())
    await perform(() => server.answer())
    assert.deepStrictEqual(savedText.listRejected(alice, server.id).map(({ draft }) => draft.text), ["text"])
    assert.deepStrictEqual(savedText.listPending(alice), [])
  })

  it("leaves nothing behind once the key was removed", async () => {
    const server = new ThreadServer()
    server.isHeld = true
    server.rejection = tooFast
    send(server.client(), server.id, { _tag: "submit_message", content: "text" })
    savedText.clearSaved(alice)
    await perform(() => server.answer())
    assert.deepStrictEqual(savedText.listRejected(alice, server.id), [])
  })
})
