/** The page as two people use it, each in a browser of their own, across a kill of the server. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { existsSync } from "node:fs"
import { env } from "node:process"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { folder, start } from "../support/ServerProcess.ts"

const executablePath = env["CHOIR_CHROMIUM"] ?? "/usr/bin/chromium"
const args = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

/** Milliseconds that a browser may take for anything, on a machine that does other things as well. */
const patience = 60_000

const does = <A>(act: () => Promise<A>): Effect.Effect<A> => Effect.promise(act)

const browser: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  does(() => chromium.launch({ executablePath, args, timeout: patience })),
  (browser) => does(() => browser.close())
)

interface Visitor {
  readonly page: Page
  /** What the page complained about, and requests that went anywhere but to our server. */
  readonly complaints: Array<string>
}

/** Somebody with a new browser profile, at an address, with a key made just now. */
const visitor = Effect.fnUntraced(
  function*(browser: Browser, url: string, options: BrowserContextOptions = {}) {
    const context = yield* does(() => browser.newContext({ viewport: { width: 1100, height: 800 }, ...options }))
    const page = yield* does(() => context.newPage())
    page.setDefaultTimeout(patience)
    const complaints: Array<string> = []
    page.on("pageerror", (error) => complaints.push(error.message))
    page.on("console", (message) => {
      // While the server is down the browser itself reports every try.
      if (message.type() === "error" && !message.text().includes("ERR_")) complaints.push(message.text())
    })
    page.on("request", (request) => {
      if (new URL(request.url()).host !== new URL(url).host) complaints.push(`request to ${request.url()}`)
    })
    yield* does(() => page.goto(url))
    yield* does(() => page.getByRole("button", { name: "Make a key" }).click())
    yield* does(() => page.getByRole("complementary").waitFor())
    return { page, complaints } satisfies Visitor
  }
)

const write = (page: Page, text: string) =>
  does(() => page.getByRole("textbox", { name: /^Your (?:message|question)$/ }).fill(text)).pipe(
    Effect.andThen(does(() => page.keyboard.press("Control+Enter")))
  )

const sees = (page: Page, text: string) => does(() => page.getByText(text).first().waitFor())

const names = ["Action", "Experience", "Intention", "Observation", "Update", "Yield"]

/** The six steps, done, and the answer with a citation that can be opened to the piece it quotes. */
const seesAnswer = Effect.fnUntraced(function*(page: Page, piece: string) {
  yield* does(() => page.getByRole("region", { name: "Answer of the Chorus" }).waitFor())
  const steps = yield* does(() => page.locator(".step.done .name").allTextContents())
  assert.deepStrictEqual(steps, names)
  yield* does(() => page.getByRole("list", { name: "Citations" }).getByRole("button").first().click())
  yield* does(() => page.locator("blockquote").getByText(piece).waitFor())
})

/** Where a browser has to be there, its absence fails the tests; elsewhere it skips them. */
const absent = !existsSync(executablePath) && env["CHOIR_TEST_BROWSER"] !== "required"

describe.skipIf(absent)(
  absent ? `the page: skipped, there is no browser at ${executablePath} (set CHOIR_CHROMIUM)` : "the page",
  () => {
    it.live(
      "[SYN10][THR2][THR4][CHO5][CHO10][TOP6] two people write, vote and ask, and go on after the server was killed",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const data = yield* folder
          const server = yield* start({ data })
          const chromium = yield* browser
          const ann = yield* visitor(chromium, server.url)
          yield* does(() => ann.page.getByRole("textbox", { name: "New thread" }).fill("Why do bridges sing?"))
          yield* does(() => ann.page.getByRole("button", { name: "Start" }).click())
          yield* write(ann.page, "Wind sheds vortices behind the cables of a bridge, and the cables sing.")
          yield* sees(ann.page, "Wind sheds vortices")

          const thread = ann.page.url()
          const ben = yield* visitor(chromium, thread, { colorScheme: "dark" })
          yield* sees(ben.page, "Wind sheds vortices")
          // It is shown for a while only: looked for while he writes.
          yield* Effect.all([
            does(() => ben.page.getByRole("textbox", { name: "Your message" }).pressSequentially("Dampers")),
            sees(ann.page, "is writing…")
          ], { concurrency: 2 })
          yield* write(ben.page, "Dampers take the energy out of the cables.")
          yield* does(() => ann.page.getByRole("button", { name: "Approve" }).click())
          yield* sees(ben.page, "joined by approval")

          // The balance of the approver has the stake in it (THR4).
          yield* sees(ann.page, "11,000 tokens")

          yield* does(() => ben.page.getByText("Ask the Chorus").click())
          yield* sees(ben.page, "No model is connected")
          yield* write(ben.page, "Why do the cables of a bridge sing?")
          yield* seesAnswer(ann.page, "Wind sheds vortices")
          yield* seesAnswer(ben.page, "Wind sheds vortices")

          // A page that was reloaded would have lost this.
          yield* does(() => ann.page.evaluate(() => Object.assign(globalThis, { kept: true })))
          yield* server.end("SIGKILL")
          yield* does(() => ann.page.getByText("The connection is lost.").waitFor())
          yield* write(ann.page, "Written while nobody could hear it.")
          yield* sees(ann.page, "Sending…")
          yield* start({ data, port: server.port })
          yield* sees(ben.page, "Written while nobody could hear it.")
          yield* does(() => ann.page.getByText("Sending…").waitFor({ state: "detached" }))
          yield* does(() => ann.page.getByText("The connection is lost.").waitFor({ state: "detached" }))
          assert.isTrue(yield* does(() => ann.page.evaluate(() => "kept" in globalThis)))
          assert.deepStrictEqual([...ann.complaints, ...ben.complaints], [])
        }))
    )

    it.live(
      "[SEC31] markup in a message is text, and nothing is asked of any other server",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const server = yield* start({ data: yield* folder })
          const { complaints, page } = yield* visitor(yield* browser, server.url, {
            viewport: { width: 360, height: 720 }
          })
          yield* does(() => page.getByRole("textbox", { name: "New thread" }).fill("<img src=//evil.test/1>"))
          yield* does(() => page.getByRole("button", { name: "Start" }).click())
          const hostile = `![x](http://evil.test/2) <img src="http://evil.test/3" onerror="document.title='owned'">`
          yield* write(page, hostile)
          yield* sees(page, hostile)
          assert.strictEqual(yield* does(() => page.locator(".timeline img, .timeline a, h1 img").count()), 0)
          assert.strictEqual(yield* does(() => page.title()), "<img src=//evil.test/1> · Choir")
          // A telephone's width is enough.
          assert.isAtMost(yield* does(() => page.evaluate<number>("document.documentElement.scrollWidth")), 360)
          assert.deepStrictEqual(complaints, [])
        }))
    )
  }
)
