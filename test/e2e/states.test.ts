/** Every state of the page: by axe, by forced colours, at 400 % zoom, and as pictures. */
import { assert, it } from "@effect/vitest"
import axe from "axe-core"
import { Effect } from "effect"
import { executablePath, fromPromise, launchBrowser } from "../support/Browser.ts"
import { comparePictures, type NamedPicture } from "../support/Pictures.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { openStates, serveStates, type StatesPage, themes } from "../support/StatesPage.ts"

interface Violation {
  readonly id: string
  readonly nodes: ReadonlyArray<{ readonly html: string }>
}

const rules = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  rules: { "target-size": { enabled: true } },
  resultTypes: ["violations"]
}

/** What axe finds in the state that is shown. */
const violations = ({ page }: StatesPage, where: string) =>
  fromPromise(() =>
    page.evaluate<ReadonlyArray<Violation>>(`axe.run(${JSON.stringify(rules)}).then(({ violations }) => violations)`)
  ).pipe(
    Effect.map((found) =>
      found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${where}: ${id}: ${html.slice(0, 300)}`))
    )
  )

const sizes = [[390, 844], [768, 1_024], [1_440, 900]] as const

const picture = ({ page }: StatesPage, name: string) =>
  fromPromise(() => page.screenshot({ caret: "hide", animations: "disabled" })).pipe(
    Effect.map((png): NamedPicture => ({ name, png }))
  )

Prerequisite.describeWith(Prerequisite.browser(executablePath), "the states of the page", () => {
  it.live("have no violation of WCAG 2.2 AA, in both themes and in forced colours, and no errors", () =>
    Effect.scoped(Effect.gen(function*() {
      const url = yield* serveStates
      const browser = yield* launchBrowser
      const errors: Array<string> = []
      const states = yield* openStates(browser, url, errors, { viewport: { width: 1_440, height: 900 } })
      yield* fromPromise(() => states.page.addScriptTag({ content: axe.source }))
      const found: Array<string> = []
      for (const name of states.names) {
        yield* states.show(name)
        for (const theme of themes) {
          yield* states.showTheme(theme)
          found.push(...yield* violations(states, `${name}, ${theme}`))
        }
      }
      assert.deepStrictEqual(found, [])
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
      const states = yield* openStates(browser, url, [], { deviceScaleFactor: 0.5 })
      const sheets = new Map<string, Array<NamedPicture>>()
      for (const name of states.names) {
        yield* states.show(name)
        for (const [width, height] of sizes) {
          yield* states.resize(width, height)
          for (const theme of themes) {
            yield* states.showTheme(theme)
            const sheet = `${theme}-${width}`
            sheets.set(sheet, [...sheets.get(sheet) ?? [], yield* picture(states, name)])
          }
        }
      }
      const differing = [...sheets].flatMap(([sheet, pictures]) => {
        const names = comparePictures(sheet, pictures)
        return names.length === 0 ? [] : [`${sheet}: ${names.join(", ")}`]
      })
      assert.deepStrictEqual(
        differing,
        [],
        "look at dist/pictures; if the page is to look like that, accept it by `npm run pictures`"
      )
    })))
})
