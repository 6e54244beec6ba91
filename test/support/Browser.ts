/** A real browser. */
import { Effect, type Scope } from "effect"
import { env } from "node:process"
import { type Browser, chromium } from "playwright-core"

/** Where Chromium is: `CHOIR_CHROMIUM`, or where Debian has it. */
export const executablePath = env["CHOIR_CHROMIUM"] ?? "/usr/bin/chromium"

/** A name of this machine. Without TLS its origin is not secure for browsers, unlike that of localhost. */
export const plainHost = "choir.test"

const chromiumArgs = [
  `--host-resolver-rules=MAP ${plainHost} 127.0.0.1`,
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
export const browserTimeout = 60_000

/** An action of the browser. */
export const fromPromise = <A>(action: () => Promise<A>): Effect.Effect<A> => Effect.promise(action)

/** Starts a browser, which ends with the scope. */
export const launchBrowser: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  fromPromise(() => chromium.launch({ executablePath, args: chromiumArgs, timeout: browserTimeout })),
  (browser) => fromPromise(() => browser.close())
)
