import { assert, describe, it } from "@effect/vitest"
import { act } from "react"
import { createRoot } from "react-dom/client"
import { SettingsDialog } from "../../../src/web/app/SettingsDialog.tsx"
import { changePreferences, readPreferences } from "../../../src/web/storage/preferences.ts"

Reflect.set(globalThis, "IS_REACT_ACT_ENVIRONMENT", true)

/** The circles of a group, by its legend. */
const circles = (legend: string): ReadonlyArray<HTMLInputElement> => {
  const group = [...document.querySelectorAll("fieldset")].find((group) =>
    group.querySelector("legend")?.textContent === legend
  )
  return [...group?.querySelectorAll("input") ?? assert.fail(`no ${legend}: ${document.body.innerHTML}`)]
}

const choose = (legend: string, value: string) =>
  act(async () => (circles(legend).find((circle) => circle.value === value) ?? assert.fail(value)).click())

describe("settings", () => {
  it("take effect at once, and show what is chosen", async () => {
    changePreferences({ theme: "system", language: "system", sendKey: "enter" })
    const container = document.createElement("main")
    const root = createRoot(container)
    await act(async () => root.render(<SettingsDialog open onOpenChange={() => {}} />))
    await choose("Theme", "dark")
    await choose("Language", "de")
    await choose("What sends a text", "ctrl-enter")
    assert.deepStrictEqual(readPreferences(), { ...readPreferences(), theme: "dark", language: "de", sendKey: "ctrl-enter" })
    for (const legend of ["Theme", "Language", "What sends a text"]) {
      assert.strictEqual(circles(legend).filter((circle) => circle.checked).length, 1)
    }
    await act(async () => root.unmount())
    changePreferences({ theme: "system", language: "system", sendKey: "enter" })
  })
})
