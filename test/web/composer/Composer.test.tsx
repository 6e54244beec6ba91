import { assert, beforeEach, describe, it } from "@effect/vitest"
import { Profiler } from "react"
import { threadLimits } from "../../../src/domain/thread/ThreadGuards.ts"
import { maxContentBytes } from "../../../src/domain/topic/MessageContent.ts"
import { makeFormat } from "../../../src/web/language/Format.ts"
import { LanguageContext } from "../../../src/web/language/Language.ts"
import { changePreferences } from "../../../src/web/storage/preferences.ts"
import { userId } from "../../support/TopicWorld.ts"
import { perform } from "../Rendered.ts"
import { openComposer, setValue } from "./ComposerPage.tsx"
import { ThreadServer } from "./ThreadServer.ts"

const bob = userId(1)

beforeEach(() => {
  localStorage.clear()
  changePreferences({ sendKey: "enter" })
})

const commands = (server: ThreadServer) => server.received.map(({ command }) => command)

describe("the composer's keys", () => {
  it("Enter sends once, however often it is pressed", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    await page.type("The bridge sings.")
    await perform(() => {
      for (let n = 0; n < 2; n++) {
        page.field().dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }))
      }
    })
    assert.deepStrictEqual(server.contents, ["The bridge sings."])
    assert.strictEqual(server.received.length, 1)
    assert.strictEqual(page.field().value, "")
  })

  it("Shift + Enter breaks the line, and Enter within an input method chooses a word", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    await page.type("text")
    assert.isTrue(await page.press("Enter", { shiftKey: true }))
    assert.isTrue(await page.press("Enter", { isComposing: true }))
    assert.isTrue(await page.press("Enter", { keyCode: 229 }))
    assert.deepStrictEqual(server.received, [])
    assert.strictEqual(page.field().value, "text")
  })

  it("with the other choice Enter breaks the line, and Ctrl or Cmd + Enter sends", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    assert.include(page.text(), "Enter sends, Shift + Enter breaks")
    await perform(() => changePreferences({ sendKey: "ctrl-enter" }))
    assert.include(page.text(), "Ctrl + Enter sends, Enter breaks")
    for (const modifier of ["ctrlKey", "metaKey"]) {
      await page.type(modifier)
      assert.isTrue(await page.press("Enter"))
      assert.isFalse(await page.press("Enter", { [modifier]: true }))
    }
    assert.deepStrictEqual(server.contents, ["ctrlKey", "metaKey"])
  })

  it("[THR2] refuses a text that is too large before it is sent, keeps it, and says its size", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    const text = "a".repeat(maxContentBytes + 1)
    await page.type(text)
    await page.press("Enter")
    assert.deepStrictEqual(server.received, [])
    assert.strictEqual(page.field().value, text)
    assert.include(page.text(), "The text has 32,769 bytes; the limit is 32,768.")
    await page.type("short")
    assert.notInclude(page.text(), "bytes")
  })
})

describe("a question to the Chorus", () => {
  it("is chosen by a chip, which leaves the focus in the field, and left by Backspace on the empty field", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    assert.strictEqual(page.field().labels[0]?.textContent, "Your message")
    await page.click("Ask")
    assert.strictEqual(document.activeElement, page.field())
    assert.strictEqual(page.field().labels[0]?.textContent, "Your question")
    assert.strictEqual(page.button("Ask")?.getAttribute("aria-pressed"), "true")
    assert.include(page.text(), "Goes to the Chorus; everybody here sees the answer")
    await page.type("W")
    await page.press("Backspace")
    assert.strictEqual(page.field().labels[0]?.textContent, "Your question")
    await page.type("")
    await page.press("Backspace")
    assert.strictEqual(page.field().labels[0]?.textContent, "Your message")
  })

  it("begins with @Chorus, which is no part of it; without the chip the name goes too", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    await page.type("@chorus, why does it sing?")
    assert.strictEqual(page.button("Ask")?.getAttribute("aria-pressed"), "true")
    await page.press("Enter")
    assert.deepStrictEqual(commands(server), [{ _tag: "submit_prompt", prompt: "why does it sing?" }])
    assert.strictEqual(page.field().labels[0]?.textContent, "Your message")
    await page.type("@Chorus no question")
    await page.click("Ask")
    assert.strictEqual(page.field().value, "no question")
    await page.press("Enter")
    assert.deepStrictEqual(server.contents, ["no question"])
  })

  it("[CHO12] says that the built-in model answers", async () => {
    const server = new ThreadServer()
    server.isModelOffline = true
    await using page = await openComposer(server)
    assert.notInclude(page.text(), "No model is connected")
    await page.click("Ask")
    assert.include(page.text(), "No model is connected: the built-in one answers with quotations")
  })

  it("[CHO8] is stopped while it is answered", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    assert.isUndefined(page.button("Stop"))
    await page.type("@Chorus why?")
    await page.press("Enter")
    await page.click("Stop")
    assert.strictEqual(server.state.runs[0]?.status, "cancelled")
    assert.isUndefined(page.button("Stop"))
  })
})

describe("a submission", () => {
  it("[THR2] is sent with its stake, of which the author has to have enough", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server, server.client(bob))
    assert.isUndefined(page.button("Ask"))
    assert.strictEqual(page.field().labels[0]?.textContent, "Your submission")
    assert.notInclude(page.text(), "Only co-authors can ask the Chorus")
    await page.type("@Chorus a fillet breaks the vortices")
    assert.include(page.text(), "Only co-authors can ask the Chorus")
    const stake = page.container.querySelector("input") ?? assert.fail()
    await setValue(stake, "10001")
    assert.include(page.text(), "The stake is 10,001 tokens, and you have 10,000 tokens.")
    assert.isTrue(page.button("Submit")?.disabled)
    await page.press("Enter")
    assert.deepStrictEqual(server.received, [])
    await setValue(stake, "1500")
    assert.notInclude(page.text(), "10,001")
    await page.click("Submit")
    assert.deepStrictEqual(commands(server), [
      { _tag: "submit_message", content: "@Chorus a fillet breaks the vortices", stake: 1500 }
    ])
    assert.strictEqual(stake.value, String(threadLimits.minimumStake))
  })
})

describe("the composer", () => {
  it("does not render when messages arrive", async () => {
    const server = new ThreadServer()
    let commits = 0
    await using page = await openComposer(
      server,
      server.client(),
      (composer) => <Profiler id="composer" onRender={() => commits++}>{composer}</Profiler>
    )
    const first = commits
    await page.type("text")
    assert.isAbove(commits, first)
    const before = commits
    await perform(() => server.decide("m1", userId(0), { _tag: "submit_message", content: "another" }))
    assert.strictEqual(commits, before)
  })

  it("[THR7] sets aside what is in the field of a thread that is closed", async () => {
    const server = new ThreadServer()
    await using page = await openComposer(server)
    await page.type("unfinished")
    await perform(() => server.decide("close", userId(0), { _tag: "close_thread" }))
    assert.include(page.text(), "This thread is closed")
    assert.deepStrictEqual(page.rejected(), ["unfinished"])
    assert.isUndefined(page.button("Edit"))
    await page.click("Discard")
    assert.deepStrictEqual(page.rejected(), [])
  })

  it("speaks German", async () => {
    const server = new ThreadServer()
    const german = { language: "de", format: makeFormat("de", "de", 0) } as const
    await using page = await openComposer(
      server,
      server.client(bob),
      (composer) => <LanguageContext value={german}>{composer}</LanguageContext>
    )
    assert.strictEqual(page.field().labels[0]?.textContent, "Deine Einreichung")
    assert.include(page.text(), "Mindestens 1.000; du hast 10.000 Token")
  })
})
