/** The page in two browsers, across a crash of the server. */
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { env } from "node:process"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { hasOpenSsl, makeCertificate } from "../support/Certificate.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"

const executablePath = env["CHOIR_CHROMIUM"] ?? "/usr/bin/chromium"
const chromiumArgs = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

/** Milliseconds for one action of the browser, on a loaded machine. */
const browserTimeout = 60_000

const fromPromise = <A>(action: () => Promise<A>): Effect.Effect<A> => Effect.promise(action)

const launchBrowser: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  fromPromise(() => chromium.launch({ executablePath, args: chromiumArgs, timeout: browserTimeout })),
  (browser) => fromPromise(() => browser.close())
)

interface BrowserUser {
  readonly page: Page
  /** Errors in the page's console, and requests to other servers. */
  readonly pageErrors: Array<string>
}

/** A user with a new browser profile and a new key. */
const openBrowserUser = Effect.fnUntraced(
  function*(browser: Browser, url: string, options: BrowserContextOptions = {}) {
    const context = yield* fromPromise(() => browser.newContext({ viewport: { width: 1100, height: 800 }, ...options }))
    const page = yield* fromPromise(() => context.newPage())
    page.setDefaultTimeout(browserTimeout)
    const pageErrors: Array<string> = []
    page.on("pageerror", (error) => pageErrors.push(error.message))
    page.on("console", (message) => {
      // While the server is down the browser logs each failed attempt.
      if (message.type() === "error" && !message.text().includes("ERR_")) pageErrors.push(message.text())
    })
    page.on("request", (request) => {
      if (new URL(request.url()).host !== new URL(url).host) pageErrors.push(`request to ${request.url()}`)
    })
    yield* fromPromise(() => page.goto(url))
    yield* fromPromise(() => page.getByRole("button", { name: "Create a key" }).click())
    yield* fromPromise(() => page.getByRole("complementary").waitFor())
    return { page, pageErrors } satisfies BrowserUser
  }
)

const sendText = (page: Page, text: string) =>
  fromPromise(() => page.getByRole("textbox", { name: /^Your (?:message|question)$/ }).fill(text)).pipe(
    Effect.andThen(fromPromise(() => page.keyboard.press("Control+Enter")))
  )

const expectText = (page: Page, text: string) => fromPromise(() => page.getByText(text).first().waitFor())

const stepNames = ["Action", "Experience", "Intention", "Observation", "Update", "Yield"]

/** Expects the six completed steps, and an answer whose first citation opens to the quoted text. */
const expectAnswer = Effect.fnUntraced(function*(page: Page, quoted: string) {
  yield* fromPromise(() => page.getByRole("region", { name: "Answer of the Chorus" }).waitFor())
  const steps = yield* fromPromise(() => page.locator(".step.done .name").allTextContents())
  assert.deepStrictEqual(steps, stepNames)
  yield* fromPromise(() => page.getByRole("list", { name: "Citations" }).getByRole("button").first().click())
  yield* fromPromise(() => page.locator("blockquote").getByText(quoted).waitFor())
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
          yield* fromPromise(() => ann.page.getByRole("textbox", { name: "New thread" }).fill("Why do bridges sing?"))
          yield* fromPromise(() => ann.page.getByRole("button", { name: "Create", exact: true }).click())
          yield* sendText(ann.page, "Wind sheds vortices behind the cables of a bridge, and the cables sing.")
          yield* expectText(ann.page, "Wind sheds vortices")

          const thread = ann.page.url()
          const ben = yield* openBrowserUser(chromium, thread, { colorScheme: "dark" })
          yield* expectText(ben.page, "Wind sheds vortices")
          // The indicator is temporary: observed while Ben types.
          yield* Effect.all([
            fromPromise(() => ben.page.getByRole("textbox", { name: "Your message" }).pressSequentially("Dampers")),
            expectText(ann.page, "is writing…")
          ], { concurrency: 2 })
          yield* sendText(ben.page, "Dampers take the energy out of the cables.")
          // SYN12: her subscription delivers what she is to approve.
          yield* fromPromise(() => ann.page.getByRole("button", { name: "Approve" }).click())
          yield* expectText(ben.page, "joined by approval")

          // THR4: the stake is credited to the approver.
          yield* expectText(ann.page, "11,000 tokens")

          yield* fromPromise(() => ben.page.getByText("Ask the Chorus").click())
          // CHO12: the page names the offline model.
          yield* expectText(ben.page, "No model is connected")
          yield* sendText(ben.page, "Why do the cables of a bridge sing?")
          yield* expectAnswer(ann.page, "Wind sheds vortices")
          yield* expectAnswer(ben.page, "Wind sheds vortices")

          // A marker that a reload of the page would remove.
          yield* fromPromise(() => ann.page.evaluate(() => Object.assign(globalThis, { kept: true })))
          yield* server.stop("SIGKILL")
          yield* fromPromise(() => ann.page.getByText("The connection is lost.").waitFor())
          yield* sendText(ann.page, "Written while the server was down.")
          yield* expectText(ann.page, "Sending…")
          yield* startServer({ data, port: server.port })
          yield* expectText(ben.page, "Written while the server was down.")
          yield* fromPromise(() => ann.page.getByText("Sending…").waitFor({ state: "detached" }))
          yield* fromPromise(() => ann.page.getByText("The connection is lost.").waitFor({ state: "detached" }))
          assert.isTrue(yield* fromPromise(() => ann.page.evaluate(() => "kept" in globalThis)))
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
          yield* fromPromise(() => page.getByRole("textbox", { name: "New thread" }).fill("<img src=//evil.test/1>"))
          yield* fromPromise(() => page.getByRole("button", { name: "Create", exact: true }).click())
          const hostile = `![x](http://evil.test/2) <img src="http://evil.test/3" onerror="document.title='owned'">`
          yield* sendText(page, hostile)
          yield* expectText(page, hostile)
          assert.strictEqual(yield* fromPromise(() => page.locator(".timeline img, .timeline a, h1 img").count()), 0)
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
