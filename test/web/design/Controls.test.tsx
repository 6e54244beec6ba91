import { assert, describe, it } from "@effect/vitest"
import { useState } from "react"
import { Button } from "../../../src/web/design/Button.tsx"
import { Checkbox } from "../../../src/web/design/Checkbox.tsx"
import { Chip } from "../../../src/web/design/Chip.tsx"
import { Icon } from "../../../src/web/design/Icon.tsx"
import { IconButton } from "../../../src/web/design/IconButton.tsx"
import { RadioGroup } from "../../../src/web/design/RadioGroup.tsx"
import { TextField } from "../../../src/web/design/TextField.tsx"
import { VisuallyHidden } from "../../../src/web/design/VisuallyHidden.tsx"
import { all, click, one, render } from "../Rendered.ts"

describe("controls", () => {
  it("have names, and are no submit buttons by accident", async () => {
    await using _ = await render(
      <form>
        <Button icon="plus">New thread</Button>
        <IconButton icon="copy" label="Copy" />
        <Button type="submit" variant="go">Send</Button>
      </form>
    )
    assert.strictEqual(one("button", "New thread").getAttribute("type"), "button")
    assert.strictEqual(one("button", "Copy").getAttribute("type"), "button")
    assert.strictEqual(one("button", "Copy").title, "Copy")
    assert.strictEqual(one("button", "Send").getAttribute("type"), "submit")
  })

  it("that are disabled say so and do nothing", async () => {
    let presses = 0
    await using _ = await render(<Button disabled onClick={() => presses += 1}>Agree</Button>)
    await click(one("button", "Agree"))
    assert.isTrue(one("button", "Agree").hasAttribute("disabled"))
    assert.strictEqual(presses, 0)
  })

  it("keep icons to the eye", async () => {
    await using page = await render(<Icon name="right" />)
    assert.strictEqual(page.container.querySelector("svg")?.getAttribute("aria-hidden"), "true")
  })

  it("show a pressed chip by a check mark and to readers", async () => {
    const Example = () => {
      const [pressed, setPressed] = useState(false)
      return <Chip pressed={pressed} onPressedChange={setPressed} icon="voice">Ask</Chip>
    }
    await using page = await render(<Example />)
    const icon = () => page.container.querySelector("svg")?.dataset["icon"]
    assert.deepStrictEqual([one("button", "Ask").getAttribute("aria-pressed"), icon()], ["false", "voice"])
    await click(one("button", "Ask"))
    assert.deepStrictEqual([one("button", "Ask").getAttribute("aria-pressed"), icon()], ["true", "check"])
  })

  it("tie a field to its label, hint and error", async () => {
    await using page = await render(<TextField label="Title" hint="Everyone sees it" />)
    const described = () =>
      document.getElementById(one("textbox", "Title").getAttribute("aria-describedby") ?? "")?.textContent
    assert.strictEqual(described(), "Everyone sees it")
    assert.isFalse(one("textbox", "Title").hasAttribute("aria-invalid"))
    await page.update(<TextField label="Title" hint="Everyone sees it" error="Too long" />)
    assert.strictEqual(described(), "Too long")
    assert.strictEqual(one("textbox", "Title").getAttribute("aria-invalid"), "true")
  })

  it("check and choose", async () => {
    const Example = () => {
      const [isPublic, setPublic] = useState(false)
      const [sendKey, setSendKey] = useState<"enter" | "ctrl-enter">("enter")
      return (
        <>
          <Checkbox label="Public" checked={isPublic} onCheckedChange={setPublic} />
          <RadioGroup
            legend="What sends"
            value={sendKey}
            onValueChange={setSendKey}
            options={[{ value: "enter", label: "Enter" }, { value: "ctrl-enter", label: "Ctrl" }]}
          />
        </>
      )
    }
    await using page = await render(<Example />)
    await click(one("checkbox", "Public"))
    await click(one("radio", "Ctrl"))
    const isChecked = (element: HTMLElement) => element.matches(":checked")
    assert.isTrue(isChecked(one("checkbox", "Public")))
    assert.deepStrictEqual(all("radio").map(isChecked), [false, true])
    assert.strictEqual(page.container.querySelector("fieldset > legend")?.textContent, "What sends")
  })

  it("read out what is not shown", async () => {
    await using page = await render(<VisuallyHidden as="h2">Threads</VisuallyHidden>)
    assert.strictEqual(page.container.querySelector("h2")?.textContent, "Threads")
  })
})
