import { assert, beforeAll, describe, it } from "@effect/vitest"
import { SettingsDialog } from "../../../src/web/app/SettingsDialog.tsx"
import { cardPart } from "../../../src/web/design/popups.ts"
import { changePreferences, readPreferences } from "../../../src/web/storage/preferences.ts"
import { click, render } from "../Rendered.ts"

/** The circles of a group, by its legend. */
const circles = (legend: string): ReadonlyArray<HTMLInputElement> => {
  const group = [...document.querySelectorAll("fieldset")].find((group) =>
    group.querySelector("legend")?.textContent === legend
  )
  return [...group?.querySelectorAll("input") ?? assert.fail(`no ${legend}: ${document.body.innerHTML}`)]
}

const choose = (legend: string, value: string) =>
  click(circles(legend).find((circle) => circle.value === value) ?? assert.fail(value))

beforeAll(async () => void await cardPart.preload())

describe("settings", () => {
  it("take effect at once, and show what is chosen", async () => {
    changePreferences({ theme: "system", language: "system", sendKey: "enter" })
    await using _ = await render(<SettingsDialog open onOpenChange={() => {}} />)
    await choose("Theme", "dark")
    await choose("Language", "de")
    await choose("Send with", "ctrl-enter")
    assert.deepInclude(readPreferences(), { theme: "dark", language: "de", sendKey: "ctrl-enter" })
    for (const legend of ["Theme", "Language", "Send with"]) {
      assert.strictEqual(circles(legend).filter((circle) => circle.checked).length, 1)
    }
    changePreferences({ theme: "system", language: "system", sendKey: "enter" })
  })
})
