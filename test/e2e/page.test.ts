/** The page in two browsers, across a crash of the server. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import type { Page } from "playwright-core"
import { executablePath, fromPromise, launchBrowser, plainHost } from "../support/Browser.ts"
import {
  askButton,
  click,
  clickInMenu,
  clickTwice,
  createThread,
  expectGone,
  expectText,
  invite,
  keyRow,
  openBrowserUser,
  readPublicKey,
  sendText,
  start,
  textbox
} from "../support/BrowserPage.ts"
import { hasOpenSsl, makeCertificate } from "../support/Certificate.ts"
import { runChoir } from "../support/CliProcess.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"

const stepNames = ["Action", "Experience", "Intention", "Observation", "Update", "Yield"]

/** Expects an answer whose record has six steps, and whose first source opens to the quoted text. */
const expectAnswer = Effect.fnUntraced(function*(page: Page, quoted: string) {
  yield* fromPromise(() => page.getByRole("region", { name: "Answer of the Chorus" }).waitFor())
  yield* fromPromise(() => page.getByRole("button", { name: /^Thought in 6 steps/ }).click())
  const steps = page.getByRole("list", { name: "Steps", exact: true }).locator("> li > p:first-child")
  yield* fromPromise(() => steps.first().waitFor())
  assert.deepStrictEqual(yield* fromPromise(() => steps.allTextContents()), stepNames)
  yield* click(page, "Close the record")
  yield* fromPromise(() => page.getByRole("list", { name: "Citations" }).getByRole("button").first().click())
  yield* fromPromise(() => page.locator("blockquote mark").getByText(quoted).waitFor())
})

Prerequisite.describeWith(
  Prerequisite.browser(executablePath),
  "the page",
  () => {
    it.live(
      "[SYN10][SYN12][THR4][TOP6][CHO12] two users write, vote and ask, and continue after the server was killed",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const data = yield* temporaryFolder
          const server = yield* startServer({ data })
          const chromium = yield* launchBrowser
          const ann = yield* openBrowserUser(chromium, server.url)
          yield* createThread(ann.page, "Why do bridges sing?")
          yield* sendText(ann.page, "Wind sheds vortices behind the cables of a bridge, and the cables sing.")
          yield* expectText(ann.page, "Wind sheds vortices")

          const thread = ann.page.url()
          const ben = yield* openBrowserUser(chromium, thread, { colorScheme: "dark" })
          yield* expectText(ben.page, "Wind sheds vortices")
          // The indicator is temporary: observed while Ben types.
          yield* Effect.all([
            fromPromise(() => textbox(ben.page).pressSequentially("Dampers")),
            expectText(ann.page, "is writing")
          ], { concurrency: 2 })
          yield* sendText(ben.page, "Dampers take the energy out of the cables.")
          // SYN12: her subscription delivers what she is to approve.
          yield* clickTwice(ann.page, "Approve")
          yield* expectText(ben.page, "joined by approval")

          // THR4: the stake is credited to the approver.
          yield* fromPromise(() => ann.page.getByRole("button", { name: /^Your key .*11,000 tokens/ }).waitFor())

          yield* fromPromise(() => askButton(ben.page).click())
          // CHO12: the page names the offline model.
          yield* expectText(ben.page, "No model is connected")
          yield* sendText(ben.page, "Why do the cables of a bridge sing?")
          yield* expectAnswer(ann.page, "Wind sheds vortices")
          yield* expectAnswer(ben.page, "Wind sheds vortices")

          // A marker that a reload of the page would remove.
          yield* fromPromise(() => ann.page.evaluate(() => Object.assign(globalThis, { kept: true })))
          yield* server.stop("SIGKILL")
          yield* fromPromise(() => ann.page.getByText(/^No connection since/).waitFor())
          yield* sendText(ann.page, "Written while the server was down.")
          yield* expectText(ann.page, "Kept on this device")
          yield* startServer({ data, port: server.port })
          yield* expectText(ben.page, "Written while the server was down.")
          yield* expectGone(ann.page, "Kept on this device")
          yield* expectGone(ann.page, /^No connection since/)
          assert.isTrue(yield* fromPromise(() => ann.page.evaluate(() => "kept" in globalThis)))
          assert.deepStrictEqual([...ann.pageErrors, ...ben.pageErrors], [])
        }))
    )

    it.live(
      "[TOP10] [AUT8] what the operator erases becomes a note on the page, at once and after a reload",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const data = yield* temporaryFolder
          const server = yield* startServer({ data })
          const browser = yield* launchBrowser
          const { page, pageErrors } = yield* openBrowserUser(browser, server.url)
          yield* createThread(page, "Walrus")
          const { page: otherPage } = yield* openBrowserUser(browser, server.url)
          yield* fromPromise(() => otherPage.getByRole("link", { name: "Walrus" }).waitFor())
          yield* sendText(page, "The walrus waits at the pier.")
          yield* sendText(page, "This one stays.")
          yield* expectText(page, "This one stays.")
          yield* expectGone(page, "Sending…")
          const topic = decodeURIComponent(new URL(page.url()).hash.slice(1))
          for (const seq of ["1", "2"]) {
            const { code, stderr } = yield* runChoir(["erase", topic, seq, "--reason", "asked to", "--data", data])
            assert.deepStrictEqual([code, stderr], [0, ""])
          }
          const expectErased = Effect.gen(function*() {
            yield* fromPromise(() => page.getByRole("heading", { name: "This text was erased" }).waitFor())
            yield* fromPromise(() =>
              page.getByRole("log", { name: "Conversation" }).getByText("This text was erased").waitFor()
            )
            yield* expectText(page, "This one stays.")
            assert.notMatch(yield* fromPromise(() => page.locator("main").innerText()), /walrus/i)
            assert.notMatch(yield* fromPromise(() => page.title()), /walrus/i)
          })
          yield* expectErased
          // Pushed: its list is asked for only every 15 seconds.
          yield* fromPromise(() =>
            otherPage.getByRole("link", { name: "This text was erased" }).waitFor({ timeout: 5_000 })
          )
          assert.notMatch(yield* fromPromise(() => otherPage.content()), /walrus/i)
          yield* fromPromise(() => page.reload())
          yield* expectErased
          assert.notMatch(yield* fromPromise(() => page.content()), /walrus/i)
          assert.deepStrictEqual(pageErrors, [])
        }))
    )

    it.live(
      "[TOP10] [THR13] people erase what they wrote themselves, after one question; the pages of others follow without a reload",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const server = yield* startServer({ data: yield* temporaryFolder })
          const chromium = yield* launchBrowser
          const ann = yield* openBrowserUser(chromium, server.url)
          yield* createThread(ann.page, "Walrus")
          yield* sendText(ann.page, "The walrus waits at the pier.")
          yield* sendText(ann.page, "This one stays.")
          const ben = yield* openBrowserUser(chromium, ann.page.url())
          yield* sendText(ben.page, "The seal waits too.")
          yield* expectText(ann.page, "The seal waits too.")
          yield* fromPromise(() => ben.page.evaluate(() => Object.assign(globalThis, { kept: true })))
          yield* expectGone(ann.page, "Sending…")
          // Everybody has the button at their own words only.
          const entry = (page: Page, text: string) => page.getByRole("article").filter({ hasText: text })
          const eraseButton = (page: Page, text: string) => entry(page, text).getByRole("button", { name: /^Erase/ })
          const mayErase = (page: Page, text: string) =>
            Effect.andThen(
              fromPromise(() => entry(page, text).hover()),
              Effect.map(fromPromise(() => eraseButton(page, text).count()), (count) => count === 1)
            )
          assert.isTrue(yield* mayErase(ann.page, "pier"))
          assert.isFalse(yield* mayErase(ann.page, "seal"))
          assert.isFalse(yield* mayErase(ben.page, "pier"))
          assert.isTrue(yield* mayErase(ben.page, "seal"))

          // The button asks, and the harmless answer has the keyboard.
          const question = ann.page.getByRole("dialog", { name: "Erase this message?" })
          yield* fromPromise(() => entry(ann.page, "pier").focus())
          yield* fromPromise(() => eraseButton(ann.page, "pier").press("Enter"))
          yield* fromPromise(() => question.waitFor())
          const keepButton = question.getByRole("button", { name: "Keep it" })
          yield* fromPromise(() => keepButton.and(ann.page.locator(":focus")).waitFor())
          yield* fromPromise(() => ann.page.keyboard.press("Enter"))
          yield* fromPromise(() => question.waitFor({ state: "detached" }))
          yield* expectText(ann.page, "The walrus waits at the pier.")
          yield* fromPromise(() => entry(ann.page, "pier").focus())
          yield* fromPromise(() => eraseButton(ann.page, "pier").press("Enter"))
          yield* fromPromise(() => ann.page.getByRole("textbox", { name: /^Reason/ }).fill("It was a sea lion."))
          yield* click(ann.page, "Erase for everybody")
          for (const { page } of [ann, ben]) {
            yield* fromPromise(() => entry(page, "This text was erased").waitFor())
            assert.notMatch(yield* fromPromise(() => page.content()), /pier/)
          }
          assert.isFalse(yield* mayErase(ann.page, "This text was erased"))

          // An open submission is withdrawn with its text.
          yield* fromPromise(() => entry(ben.page, "seal").hover())
          yield* fromPromise(() => eraseButton(ben.page, "seal").click())
          yield* click(ben.page, "Erase for everybody")
          yield* fromPromise(() => entry(ann.page, "Withdrawn").getByText("This text was erased").waitFor())
          yield* expectText(ben.page, "Withdrawn")
          assert.isTrue(yield* fromPromise(() => ben.page.evaluate(() => "kept" in globalThis)))
          assert.deepStrictEqual([...ann.pageErrors, ...ben.pageErrors], [])
        }))
    )

    it.live(
      "[SEC31] markup in a message is rendered as text, without requests to other servers",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const server = yield* startServer({ data: yield* temporaryFolder })
          const { page, pageErrors } = yield* openBrowserUser(yield* launchBrowser, server.url, {
            viewport: { width: 360, height: 720 }
          })
          yield* createThread(page, "<img src=//evil.test/1>")
          const hostile = `![x](http://evil.test/2) <img src="http://evil.test/3" onerror="document.title='owned'">`
          yield* sendText(page, hostile)
          // The image is a link that nobody has followed; the element is text.
          yield* expectText(page, `x <img src="http://evil.test/3" onerror="document.title='owned'">`)
          assert.strictEqual(yield* fromPromise(() => page.locator("[role=log] img, h1 img").count()), 0)
          assert.strictEqual(yield* fromPromise(() => page.title()), "<img src=//evil.test/1> · Choir")
          // The page fits a phone's width.
          assert.isAtMost(yield* fromPromise(() => page.evaluate<number>("document.documentElement.scrollWidth")), 360)
          assert.deepStrictEqual(pageErrors, [])
        }))
    )

    Prerequisite.describeWith(Prerequisite.openSsl(hasOpenSsl), "over http and https", () => {
      it.live.each(["http", "https"])(
        "[SEC31] the page on %s connects to its own server, and a script in it to no other",
        (scheme) =>
          Effect.scoped(Effect.gen(function*() {
            const { cert, key } = scheme === "https" ? yield* makeCertificate() : { cert: "", key: "" }
            const server = yield* startServer({
              data: yield* temporaryFolder,
              env: { CHOIR_TLS_CERT: cert, CHOIR_TLS_KEY: key }
            })
            // It waits for what is shown once the socket has signed in.
            const { page, pageErrors } = yield* openBrowserUser(yield* launchBrowser, server.url, {
              ignoreHTTPSErrors: true
            })
            assert.deepStrictEqual(pageErrors, [])
            const urls = ["ws://evil.test", "wss://evil.test", "https://evil.test", `ws://127.0.0.1:${server.port + 1}`]
            const blockedBy = yield* fromPromise(() => page.evaluate<ReadonlyArray<string>>(connectEach(urls)))
            assert.deepStrictEqual(blockedBy, urls.map(() => "connect-src"))
          }))
      )
    })

    it.live(
      "[THR7][THR9][THR10] people invite to a private thread, vote on it, leave, and close it",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const server = yield* startServer({ data: yield* temporaryFolder })
          const chromium = yield* launchBrowser
          const [ann, ben, cleo] = yield* Effect.all([
            openBrowserUser(chromium, server.url),
            openBrowserUser(chromium, server.url, { viewport: { width: 390, height: 780 } }),
            openBrowserUser(chromium, server.url)
          ])
          const [benKey, cleoKey] = [yield* readPublicKey(ben.page), yield* readPublicKey(cleo.page)]
          yield* createThread(ann.page, "Plans", { isPrivate: true })
          yield* sendText(ann.page, "Among ourselves.")
          yield* expectText(ann.page, "Among ourselves.")
          const thread = ann.page.url()
          yield* fromPromise(() => cleo.page.goto(thread))
          yield* expectText(cleo.page, "You cannot read this thread")

          yield* invite(ann.page, benKey)
          yield* expectText(ann.page, "2 co-authors")
          yield* fromPromise(() => ben.page.goto(thread))
          yield* expectText(ben.page, "Among ourselves.")
          yield* invite(ben.page, cleoKey)
          yield* expectText(ben.page, "0 of 1 voted")
          yield* clickTwice(ann.page, "Approve")
          yield* expectText(ben.page, "3 co-authors")
          yield* fromPromise(() => cleo.page.reload())
          yield* expectText(cleo.page, "Among ourselves.")

          for (const { page } of [cleo, ben]) {
            yield* clickInMenu(page, "Leave the thread")
            yield* click(page, "Leave the thread")
            yield* expectText(page, "You cannot read this thread")
          }
          yield* clickInMenu(ann.page, "Close the thread")
          yield* click(ann.page, "Close the thread")
          yield* expectText(ann.page, "This thread is closed")
          assert.deepStrictEqual([...ann.pageErrors, ...ben.pageErrors, ...cleo.pageErrors], [])
        }))
    )

    it.live(
      "[SYN10] a text that was sent while the server was down survives its tab, and a question stays one",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const data = yield* temporaryFolder
          const server = yield* startServer({ data })
          const { openTab, page, pageErrors } = yield* openBrowserUser(yield* launchBrowser, server.url)
          yield* createThread(page, "Kept")
          const thread = page.url()
          yield* fromPromise(() => askButton(page).click())
          yield* fromPromise(() => textbox(page).fill("Unfinished"))
          yield* fromPromise(() => page.reload())
          const question = page.getByRole("textbox", { name: "Your question" })
          yield* fromPromise(() => question.waitFor())
          assert.strictEqual(yield* fromPromise(() => question.inputValue()), "Unfinished")
          yield* fromPromise(() => question.fill(""))
          yield* fromPromise(() => question.press("Backspace"))

          yield* server.stop("SIGKILL")
          yield* sendText(page, "Written before the tab was closed.")
          yield* expectText(page, "Written before the tab was closed.")
          yield* fromPromise(() => page.close())
          yield* startServer({ data, port: server.port })
          const next = yield* openTab(thread)
          yield* expectText(next, "Written before the tab was closed.")
          yield* expectGone(next, "Sending…")
          yield* fromPromise(() => next.reload())
          yield* expectText(next, "Written before the tab was closed.")
          assert.strictEqual(yield* fromPromise(() => next.getByText("Written before").count()), 1)
          assert.deepStrictEqual(pageErrors, [])
        }))
    )

    it.live(
      "a dialog that cannot be loaded says so, and opens at the next press, with its style",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const server = yield* startServer({ data: yield* temporaryFolder })
          const { page, pageErrors } = yield* openBrowserUser(yield* launchBrowser, server.url)
          yield* fromPromise(() => page.route(/\/KeyDialog-/, (route) => route.abort()))
          yield* fromPromise(() => page.reload())
          yield* fromPromise(() => keyRow(page).click())
          yield* expectText(page, "This could not be loaded.")
          yield* fromPromise(() => page.unrouteAll())
          yield* fromPromise(() => keyRow(page).click())
          yield* fromPromise(() => page.getByRole("dialog", { name: "Your key" }).waitFor())
          const display = `getComputedStyle(document.querySelector("[role=dialog] section")).display`
          assert.strictEqual(yield* fromPromise(() => page.evaluate<string>(display)), "grid")
          assert.deepStrictEqual(pageErrors, [])
        }))
    )

    it.live(
      "[AUT1][SEC7] a removed key is gone in all tabs and signs out, later if need be; where keys are unusable the page says so",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const data = yield* temporaryFolder
          const server = yield* startServer({ data, env: { CHOIR_INSECURE: "1" } })
          const chromium = yield* launchBrowser
          const { openTab, page, pageErrors } = yield* openBrowserUser(chromium, server.url)
          const other = yield* openTab(server.url)
          yield* fromPromise(() => keyRow(other).waitFor())
          const signedOut = yield* Deferred.make<void>()
          page.on("websocket", (socket) => {
            socket.on("framereceived", ({ payload }) => {
              if (String(payload).includes("signed_out")) Deferred.doneUnsafe(signedOut, Effect.void)
            })
          })
          // Signed in: there is a session to end.
          yield* fromPromise(() => keyRow(page).filter({ hasText: "10,000" }).waitFor())
          // The key dialog opens also while the server is down, once it is loaded.
          yield* readPublicKey(page)
          yield* server.stop("SIGKILL")
          yield* fromPromise(() => keyRow(page).click())
          yield* clickTwice(page, "Remove this key")
          yield* expectText(page, "the session ends as soon as")
          yield* click(page, "Remove it now")
          for (const tab of [page, other]) {
            yield* fromPromise(() => tab.getByRole("button", { name: "Start", exact: true }).waitFor())
          }
          // A key that is made meanwhile is another one.
          yield* start(page)
          yield* startServer({ data, port: server.port, env: { CHOIR_INSECURE: "1" } })
          yield* Deferred.await(signedOut)
          yield* fromPromise(() => page.reload())
          yield* fromPromise(() => keyRow(page).waitFor())
          assert.deepStrictEqual(pageErrors, [])
          // The browser itself warns about such an origin.
          const insecure = yield* openTab(server.url.replace("127.0.0.1", plainHost))
          yield* expectText(insecure, "This browser cannot sign with Ed25519 keys.")
        }))
    )
  }
)

/** A script that tries to connect to each URL; its value is the directive that blocked each. */
const connectEach = (urls: ReadonlyArray<string>): string =>
  `Promise.all(${JSON.stringify(urls)}.map((url) => new Promise((resolve) => {
    addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => {
      if (blockedURI.startsWith(url)) resolve(effectiveDirective)
    })
    if (url.startsWith("ws")) new WebSocket(url).onopen = () => resolve("connected")
    else fetch(url, { mode: "no-cors" }).then(() => resolve("connected"), () => {})
  })))`
