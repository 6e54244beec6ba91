/** The page of states (`src/web/states`), built and served, in a browser. */
import { Effect, type Scope } from "effect"
import path from "node:path"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { build, preview } from "vite"
import { browserTimeout, fromPromise } from "./Browser.ts"

/** The themes of the page. */
export const themes = ["light", "dark"] as const
export type Theme = typeof themes[number]

/** The page of states in a browser. */
export interface StatesPage {
  readonly page: Page
  readonly names: ReadonlyArray<string>
  /** Shows a state; it stands still afterwards. */
  readonly show: (name: string) => Effect.Effect<void>
  /** Shows the state that is shown in another theme. */
  readonly showTheme: (theme: Theme) => Effect.Effect<void>
}

const config = {
  configFile: "vite.config.ts",
  root: "src/web/states",
  publicDir: path.resolve("src/web/public"),
  logLevel: "error",
  build: { outDir: path.resolve("dist/states") }
} as const

let built: Promise<unknown> | undefined

/** Builds the page, once, and serves it at a free port of this machine; returns its address. */
export const serveStates: Effect.Effect<string, never, Scope.Scope> = Effect.gen(function*() {
  yield* fromPromise(() => built ??= build(config))
  const server = yield* Effect.acquireRelease(
    fromPromise(() => preview({ ...config, preview: { host: "127.0.0.1", port: 0 } })),
    (server) => fromPromise(() => server.close())
  )
  return server.resolvedUrls!.local[0]!
})

/** Opens the page of states at its address. What stands in its console is in `errors`. */
export const openStates = Effect.fnUntraced(function*(
  browser: Browser,
  url: string,
  errors: Array<string>,
  options: BrowserContextOptions = {}
) {
  const context = yield* Effect.acquireRelease(
    fromPromise(() => browser.newContext({ locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce", ...options })),
    (context) => fromPromise(() => context.close())
  )
  const page = yield* fromPromise(() => context.newPage())
  page.setDefaultTimeout(browserTimeout)
  page.on("pageerror", (error) => errors.push(error.message))
  page.on("console", (message) => message.type() === "error" ? errors.push(message.text()) : undefined)
  yield* fromPromise(() => page.goto(url))
  yield* fromPromise(() => page.waitForFunction("'stateNames' in window"))
  // What `show.tsx` puts on the window.
  const call = (call: string) => fromPromise(() => page.evaluate<void>(call))
  const names = yield* fromPromise(() => page.evaluate<ReadonlyArray<string>>("stateNames"))
  const states: StatesPage = {
    page,
    names,
    show: (name) => call(`showState(${JSON.stringify(name)})`),
    showTheme: (theme) => call(`showTheme(${JSON.stringify(theme)})`)
  }
  return states
})
