/** The page in a real browser, as its users see it. */
import { Effect } from "effect"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { browserTimeout, fromPromise } from "./Browser.ts"

/** Somebody at a browser. */
export interface BrowserUser {
  readonly page: Page
  /** Opens another tab of this user. */
  readonly openTab: (url: string) => Effect.Effect<Page>
  /** Errors in the page's console, and requests to other servers. */
  readonly pageErrors: Array<string>
}

/** Presses a button. */
export const click = (page: Page, name: string) =>
  fromPromise(() => page.getByRole("button", { name, exact: true }).click())

/** Makes a key. */
export const start = (page: Page) =>
  Effect.andThen(
    click(page, "Start"),
    fromPromise(() => page.getByRole("navigation", { name: "Threads" }).waitFor({ state: "attached" }))
  )

/** While the server is down the browser logs each failed attempt, and React each part that cannot be loaded. */
const missing = /ERR_|Failed to fetch dynamically imported module|Unable to preload CSS/

/** A user with a new browser profile and a new key. */
export const openBrowserUser = Effect.fnUntraced(
  function*(browser: Browser, url: string, options: BrowserContextOptions = {}) {
    const context = yield* fromPromise(() => browser.newContext({ viewport: { width: 1100, height: 800 }, ...options }))
    const pageErrors: Array<string> = []
    const openTab = (url: string) =>
      Effect.gen(function*() {
        const page = yield* fromPromise(() => context.newPage())
        page.setDefaultTimeout(browserTimeout)
        page.on("pageerror", (error) => pageErrors.push(error.message))
        page.on("console", (message) => {
          if (message.type() === "error" && !missing.test(message.text())) pageErrors.push(message.text())
        })
        page.on("request", (request) => {
          if (new URL(request.url()).host !== new URL(url).host) pageErrors.push(`request to ${request.url()}`)
        })
        page.on("dialog", (dialog) => dialog.accept())
        yield* fromPromise(() => page.goto(url))
        return page
      })
    const page = yield* openTab(url)
    yield* start(page)
    return { page, openTab, pageErrors } satisfies BrowserUser
  }
)

/** Makes a thread, which opens. */
export const createThread = (page: Page, name: string, options: { readonly isPrivate?: boolean } = {}) =>
  Effect.gen(function*() {
    // An empty page has it twice.
    yield* fromPromise(() => page.getByRole("button", { name: "New thread", exact: true }).first().click())
    yield* fromPromise(() => page.getByRole("textbox", { name: "Title" }).fill(name))
    if (options.isPrivate === true) {
      yield* fromPromise(() => page.getByRole("radio", { name: "Only its co-authors" }).click())
    }
    yield* click(page, "Create")
    yield* fromPromise(() => page.getByRole("heading", { name }).waitFor())
  })

/** The row of one's own key. */
export const keyRow = (page: Page) => page.getByRole("button", { name: /^Your key / })

/** Closes the dialog that is open. */
export const closeDialog = (page: Page) =>
  fromPromise(() => page.keyboard.press("Escape")).pipe(
    Effect.andThen(fromPromise(() => page.getByRole("dialog").waitFor({ state: "detached" })))
  )

/** The public key, as its owner reads it. */
export const readPublicKey = (page: Page) =>
  Effect.gen(function*() {
    yield* fromPromise(() => keyRow(page).click())
    const key = yield* fromPromise(() =>
      page.getByRole("dialog", { name: "Your key" }).locator("code").first().innerText()
    )
    yield* closeDialog(page)
    return key
  })

/** An item of the thread's menu. */
export const clickInMenu = (page: Page, name: string) =>
  Effect.andThen(
    click(page, "More about this thread"),
    fromPromise(() => page.getByRole("menuitem", { name }).click())
  )

/** Invites somebody from the open thread. */
export const invite = (page: Page, key: string) =>
  Effect.gen(function*() {
    yield* clickInMenu(page, "People")
    yield* fromPromise(() => page.getByRole("textbox", { name: "Invite by public key" }).fill(key))
    yield* click(page, "Invite")
    // The field is empty again when the server has taken the invitation.
    yield* fromPromise(() => page.getByRole("button", { name: "Invite", exact: true, disabled: true }).waitFor())
    yield* closeDialog(page)
  })

/** Presses a button that asks once more, and the same answer. */
export const clickTwice = (page: Page, name: string) =>
  Effect.andThen(
    click(page, name),
    fromPromise(() => page.getByRole("alertdialog").getByRole("button", { name, exact: true }).click())
  )

/** The field of the composer. */
export const textbox = (page: Page) => page.getByRole("textbox", { name: /^Your (?:message|question|submission)$/ })

/** The chip that makes the text a question, while it is not pressed. */
export const askButton = (page: Page) => page.getByRole("button", { name: "Ask", pressed: false })

/** Types a text and sends it. */
export const sendText = (page: Page, text: string) =>
  Effect.andThen(fromPromise(() => textbox(page).fill(text)), fromPromise(() => textbox(page).press("Enter")))

/** Waits until a text is not shown any more. */
export const expectGone = (page: Page, text: string | RegExp) =>
  fromPromise(() => page.getByText(text).first().waitFor({ state: "detached" }))

/** Waits until a text is shown. */
export const expectText = (page: Page, text: string) => fromPromise(() => page.getByText(text).first().waitFor())
