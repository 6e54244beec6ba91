/** One round of measurements of the page: a fresh server, thread and browser profile. */
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import type { CDPSession, Page } from "playwright-core"
import * as Keys from "../../../src/client/Keys.ts"
import { browserTimeout, fromPromise, launchBrowser } from "../../../test/support/Browser.ts"
import { startServer, temporaryFolder } from "../../../test/support/ServerProcess.ts"
import * as LongThread from "./LongThread.ts"
import * as StreamingModel from "./StreamingModel.ts"
import { traced } from "./TaskTimes.ts"

/** What is measured, and how much of it. */
export interface RoundOptions {
  /** The built server's program. */
  readonly main: string
  readonly messages: number
  /** For how long an answer streams. */
  readonly seconds: number
  /** Where CPU profiles are written, if they are. */
  readonly profiles: string | undefined
}

/** The figures of a round, by the name of what is measured. */
export type Figures = Readonly<Record<string, number>>

/** What `probe.js` offers in the page. */
interface Probe {
  readonly mark: (name: "screen" | "thread") => Promise<{
    readonly at: number
    readonly scripts: ReadonlyArray<string>
  }>
  readonly focusField: () => Promise<void>
  readonly opened: (lastText: string) => Promise<readonly [readable: number, typed: number]>
  readonly answered: (lastWords: string) => Promise<void>
  readonly takeKeys: () => ReadonlyArray<number>
  readonly longTasks: (since?: number) => ReadonlyArray<number>
  readonly now: () => number
  readonly startFrames: () => void
  readonly stopFrames: () => ReadonlyArray<number>
  readonly scrollState: () => { readonly x: number; readonly y: number; readonly fromTop: number }
}

declare const probe: Probe

/** The value below which a share of the values lies; 0 for none. */
export const quantile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0

const worst = (values: ReadonlyArray<number>): number => Math.max(0, ...values)

/** Milliseconds for which the mouse is pressed: a quick click of a person. The click that is measured from ends it. */
const pressTime = 60

/** Limits of a user that writing the thread exceeds. */
const raisedLimits = { CHOIR_MESSAGES_PER_MINUTE: "10000000", CHOIR_MESSAGE_BURST: "10000000" }

class RoundPage {
  private readonly page: Page
  private readonly devtools: CDPSession
  private readonly options: RoundOptions

  constructor(page: Page, devtools: CDPSession, options: RoundOptions) {
    this.page = page
    this.devtools = devtools
    this.options = options
  }

  /** Signs in with a saved key; the size of the scripts that loaded before the first screen and before the list. */
  readonly signIn = Effect.fnUntraced(function*(this: RoundPage, url: string, secret: string) {
    const { page } = this
    yield* fromPromise(() => page.goto(url))
    const first = yield* fromPromise(() => page.evaluate(() => probe.mark("screen")))
    yield* fromPromise(() => page.locator("main button[aria-expanded]").click())
    yield* fromPromise(() => page.getByRole("textbox").fill(secret))
    yield* fromPromise(() => page.getByRole("button", { name: "Use this key", exact: true }).click())
    yield* fromPromise(() => page.getByRole("link", { name: LongThread.title }).waitFor())
    yield* fromPromise(() => page.reload())
    const list = yield* fromPromise(() => page.evaluate(() => probe.mark("screen")))
    const thread = yield* fromPromise(() => page.evaluate(() => probe.mark("thread")))
    const bytes = Math.max(yield* this.compressedSize(first.scripts), yield* this.compressedSize(list.scripts))
    // Chunks that are loaded when the page is idle are no part of opening a thread.
    yield* fromPromise(() => page.waitForLoadState("networkidle"))
    return { "first scripts, KB gzipped": bytes / 1000, "first screen, ms": first.at, "threads listed, ms": thread.at }
  })

  private readonly compressedSize = (scripts: ReadonlyArray<string>) =>
    Effect.map(
      Effect.forEach(scripts, (url) => fromPromise(() => fetch(url).then((response) => response.bytes()))),
      (bodies) => bodies.reduce((sum, body) => sum + gzipSync(body).length, 0)
    )

  /** From the click on the thread until both its last message is readable and the field has taken a key. */
  readonly openThread = Effect.fnUntraced(function*(this: RoundPage) {
    const { page } = this
    yield* fromPromise(() => page.getByRole("link", { name: LongThread.title }).click({ delay: pressTime }))
    yield* fromPromise(() => page.evaluate(() => probe.focusField()))
    yield* fromPromise(() => page.keyboard.press("x"))
    const [readable, typed] = yield* fromPromise(() => page.evaluate((text) => probe.opened(text), LongThread.lastText))
    return { "field takes a key, ms": typed, "opening, ms": Math.max(readable, typed) }
  })

  /** From a key until the frame that shows it was painted. */
  readonly type = Effect.fnUntraced(function*(this: RoundPage) {
    const { page } = this
    yield* fromPromise(() => page.evaluate(() => probe.takeKeys()))
    for (let n = 0; n < 200; n++) {
      yield* fromPromise(() => page.keyboard.press("abcdefgh "[n % 9]!))
      // Not in step with frames.
      yield* Effect.sleep(23 + (n * 17) % 31)
    }
    const keys = yield* fromPromise(() => page.evaluate(() => probe.takeKeys()))
    yield* fromPromise(() => page.keyboard.press("Control+a"))
    yield* fromPromise(() => page.keyboard.press("Delete"))
    return { "key to frame, median ms": quantile(keys, 0.5), "key to frame, p99 ms": quantile(keys, 0.99) }
  })

  /** Long tasks while an answer streams. */
  readonly stream = Effect.fnUntraced(function*(this: RoundPage) {
    const { page } = this
    const since = yield* fromPromise(() => page.evaluate(() => probe.now()))
    yield* fromPromise(() => page.getByText(/^Ask(?: the Chorus)?$/).first().click())
    yield* fromPromise(() =>
      page.getByRole("textbox", { name: /^Your (?:message|question)$/ }).fill("Why does it sing?")
    )
    yield* fromPromise(() => page.keyboard.press("Control+Enter"))
    yield* fromPromise(() => page.evaluate((words) => probe.answered(words), StreamingModel.lastWords)).pipe(
      Effect.timeout(this.options.seconds * 1000 + browserTimeout),
      Effect.orDie
    )
    yield* fromPromise(() => page.waitForTimeout(1000))
    const tasks = yield* fromPromise(() => page.evaluate((since) => probe.longTasks(since), since))
    return { "streaming, tasks over 50 ms": tasks.length, "streaming, longest task ms": worst(tasks) }
  })

  /** What is in memory when no garbage is. */
  readonly weigh = Effect.fnUntraced(function*(this: RoundPage) {
    const { devtools } = this
    for (let i = 0; i < 2; i++) yield* fromPromise(() => devtools.send("HeapProfiler.collectGarbage"))
    const { usedSize } = yield* fromPromise(() => devtools.send("Runtime.getHeapUsage"))
    return { "heap after it, MB": usedSize / 1_000_000 }
  })

  /** Turns the wheel up to the first message. */
  readonly scroll = Effect.fnUntraced(function*(this: RoundPage) {
    const { page } = this
    const { x, y } = yield* fromPromise(() => page.evaluate(() => probe.scrollState()))
    yield* fromPromise(() => page.mouse.move(x, y))
    const since = yield* fromPromise(() => page.evaluate(() => probe.now()))
    yield* fromPromise(() => page.evaluate(() => probe.startFrames()))
    // Anchoring may add to the height above for as long as rows are measured: as often as it takes, within reason.
    for (let turns = 0; turns < 2000; turns++) {
      yield* fromPromise(() => page.mouse.wheel(0, -1500))
      const { fromTop } = yield* fromPromise(() => page.evaluate(() => probe.scrollState()))
      if (fromTop <= 0) break
    }
    const frames = yield* fromPromise(() => page.evaluate(() => probe.stopFrames()))
    const tasks = yield* fromPromise(() => page.evaluate((since) => probe.longTasks(since), since))
    return {
      "scrolling, frame p50 ms": quantile(frames, 0.5),
      "scrolling, frame p99 ms": quantile(frames, 0.99),
      "scrolling, tasks over 50 ms": tasks.length,
      "scrolling, longest task ms": worst(tasks)
    }
  })

  /** Runs a part of the round; its figures and those of the page's CPU, or a CPU profile if one is wanted. */
  readonly observed = Effect.fnUntraced(function*(this: RoundPage, name: string, part: Effect.Effect<Figures>) {
    const { devtools, options: { profiles }, page } = this
    if (profiles === undefined) {
      const [figures, times] = yield* traced(page, part)
      return {
        ...figures,
        [`${name}, CPU ms`]: times.reduce((sum, time) => sum + time, 0),
        [`${name}, longest task CPU ms`]: worst(times)
      }
    }
    yield* fromPromise(() => devtools.send("Profiler.enable"))
    yield* fromPromise(() => devtools.send("Profiler.start"))
    const figures = yield* part
    const { profile } = yield* fromPromise(() => devtools.send("Profiler.stop"))
    writeFileSync(join(profiles, `${name}.cpuprofile`), JSON.stringify(profile))
    return figures
  })
}

/** Runs a round; its figures. */
export const run = Effect.fnUntraced(function*(options: RoundOptions) {
  const model = yield* StreamingModel.start(options.seconds)
  const { url } = yield* startServer({
    data: yield* temporaryFolder,
    main: options.main,
    env: { ...model, ...raisedLimits }
  })
  const secret = yield* Keys.generateSecret
  yield* LongThread.write(url, secret, options.messages)
  const browser = yield* launchBrowser
  const page = yield* fromPromise(() => browser.newPage({ viewport: { width: 1280, height: 900 }, locale: "en" }))
  page.setDefaultTimeout(browserTimeout)
  yield* fromPromise(() => page.addInitScript({ path: join(import.meta.dirname, "probe.js") }))
  const measured = new RoundPage(page, yield* fromPromise(() => page.context().newCDPSession(page)), options)
  const figures: Array<Figures> = [
    yield* measured.signIn(url, secret),
    yield* measured.observed("opening", measured.openThread()),
    yield* measured.observed("typing", measured.type()),
    yield* measured.observed("streaming", measured.stream()),
    yield* measured.weigh(),
    yield* measured.observed("scrolling", measured.scroll())
  ]
  return Object.assign({}, ...figures) as Figures
}, Effect.scoped)
