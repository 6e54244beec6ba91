/** Every state of the page: by axe, at 400 % zoom, and as pictures, also in forced colours. */
import { assert, it } from "@effect/vitest"
import axe from "axe-core"
import { Effect } from "effect"
import type { Browser } from "playwright-core"
import { executablePath, fromPromise, launchBrowser } from "../support/Browser.ts"
import { comparePictures, isSameEnvironment, type NamedPicture } from "../support/Pictures.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { openStates, serveStates, type StatesPage, themes } from "../support/StatesPage.ts"

interface Violation {
  readonly id: string
  readonly nodes: ReadonlyArray<{ readonly html: string }>
}

// A guard passes the focus on, so that nobody meets it.
const context = { exclude: [["[data-base-ui-focus-guard]"]] }

const rules = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  rules: { "target-size": { enabled: true } },
  resultTypes: ["violations"]
}

/** What axe finds in the state that is shown: each violation as a line. */
const violations = ({ page }: StatesPage) =>
  fromPromise(() =>
    page.evaluate<ReadonlyArray<Violation>>(
      `axe.run(${JSON.stringify(context)}, ${JSON.stringify(rules)}).then(({ violations }) => violations)`
    )
  ).pipe(
    Effect.map((found) => found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 300)}`)))
  )

/** The sizes of pictures in the page's pixels, and how much smaller they are kept. */
const sizes = [
  { width: 390, height: 700, scale: 0.4 },
  { width: 768, height: 896, scale: 0.25 },
  { width: 1_440, height: 800, scale: 0.25 }
] as const

/** Takes pictures of all states at one size, in both themes, and in forced colours at the largest. */
const takePictures = Effect.fnUntraced(function*(browser: Browser, url: string, size: typeof sizes[number]) {
  const { height, scale, width } = size
  const states = yield* openStates(browser, url, [], { viewport: { width, height }, deviceScaleFactor: scale })
  const sheets: Record<string, Array<NamedPicture>> = {}
  const take = (name: string, sheet: string) =>
    fromPromise(() => states.page.screenshot({ animations: "disabled" })).pipe(
      Effect.map((png) => (sheets[sheet] ??= []).push({ name, png }))
    )
  for (const name of states.names) {
    yield* states.show(name)
    for (const theme of themes) {
      yield* states.showTheme(theme)
      yield* take(name, `${theme}-${width}`)
    }
    if (width < 1_440) continue
    yield* states.showTheme("light")
    yield* fromPromise(() => states.page.emulateMedia({ forcedColors: "active" }))
    yield* take(name, "forced-colours")
    yield* fromPromise(() => states.page.emulateMedia({ forcedColors: "none" }))
  }
  return sheets
})

/** The browser's version, and how wide its fonts set a text: what decides where letters stand. */
const readEnvironment = Effect.fnUntraced(function*(browser: Browser, url: string) {
  const { page } = yield* openStates(browser, url, [], { viewport: { width: 390, height: 700 } })
  const widths = yield* fromPromise(() =>
    page.evaluate<ReadonlyArray<number>>(`(() => {
      const style = getComputedStyle(document.documentElement)
      const context = document.createElement("canvas").getContext("2d")
      return ["--sans", "--serif", "--mono"].map((name) => {
        context.font = "100px " + style.getPropertyValue(name)
        return Math.round(context.measureText("The bridge sings, يغنّي الجسر").width)
      })
    })()`)
  )
  return JSON.stringify({ chromium: browser.version(), widths })
})

Prerequisite.describeWith(Prerequisite.browser(executablePath), "the states of the page", () => {
  it.live("have no violation of WCAG 2.2 AA in either theme, and no errors", () =>
    Effect.scoped(Effect.gen(function*() {
      const url = yield* serveStates
      const browser = yield* launchBrowser
      const errors: Array<string> = []
      const found: Record<string, Array<string>> = {}
      // Half of the states each, for two cores.
      const inspect = Effect.fnUntraced(function*(half: number) {
        const states = yield* openStates(browser, url, errors, { viewport: { width: 1_440, height: 900 } })
        yield* fromPromise(() => states.page.addScriptTag({ content: axe.source }))
        for (const name of states.names.filter((_, index) => index % 2 === half)) {
          yield* states.show(name)
          for (const theme of themes) {
            yield* states.showTheme(theme)
            for (const violation of yield* violations(states)) (found[violation] ??= []).push(`${name}, ${theme}`)
          }
        }
      })
      yield* Effect.forEach([0, 1], inspect, { concurrency: 2 })
      assert.deepStrictEqual(found, {})
      assert.deepStrictEqual(errors, [])
    })))

  it.live("scroll in one direction only at 400 % zoom", () =>
    Effect.scoped(Effect.gen(function*() {
      const url = yield* serveStates
      const browser = yield* launchBrowser
      const states = yield* openStates(browser, url, [], { viewport: { width: 320, height: 256 } })
      const wide: Array<string> = []
      for (const name of states.names) {
        yield* states.show(name)
        const width = yield* fromPromise(() => states.page.evaluate<number>("document.documentElement.scrollWidth"))
        if (width > 320) wide.push(`${name}: ${width} px`)
      }
      assert.deepStrictEqual(wide, [])
    })))

  it.live("look as they did when their pictures were accepted", () =>
    Effect.scoped(Effect.gen(function*() {
      const url = yield* serveStates
      const browser = yield* launchBrowser
      const isSame = isSameEnvironment(yield* readEnvironment(browser, url))
      const taken = yield* Effect.forEach(sizes, (size) => takePictures(browser, url, size), { concurrency: 3 })
      const differing = taken.flatMap(Object.entries<Array<NamedPicture>>).flatMap(([sheet, pictures]) => {
        const names = comparePictures(sheet, pictures, isSame)
        return names.length === 0 ? [] : [`${sheet}: ${names.join(", ")}`]
      })
      assert.deepStrictEqual(
        differing,
        [],
        "look at dist/pictures; if the page is to look like that, accept it by `npm run pictures`"
      )
    })))
})
