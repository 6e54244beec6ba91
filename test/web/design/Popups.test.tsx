import { assert, beforeAll, describe, it } from "@effect/vitest"
import { useState } from "react"
import { Button } from "../../../src/web/design/Button.tsx"
import { ConfirmDialog } from "../../../src/web/design/ConfirmDialog.tsx"
import { Dialog } from "../../../src/web/design/Dialog.tsx"
import { IconButton } from "../../../src/web/design/IconButton.tsx"
import { Menu } from "../../../src/web/design/Menu.tsx"
import { cardPart, menuPart } from "../../../src/web/design/popups.ts"
import { TextField } from "../../../src/web/design/TextField.tsx"
import { all, click, one, press, render } from "../Rendered.ts"

const focusedName = () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent

beforeAll(async () => void await Promise.all([cardPart.preload(), menuPart.preload()]))

const Question = ({ onConfirm }: { readonly onConfirm: () => void }) => {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button onClick={() => setOpen(true)}>Erase</Button>
      <ConfirmDialog
        open={open}
        onOpenChange={setOpen}
        title="Erase the text?"
        confirmLabel="Erase it"
        cancelLabel="Keep it"
        danger
        onConfirm={onConfirm}
      >
        Nobody can bring it back.
      </ConfirmDialog>
    </>
  )
}

describe("dialogs", () => {
  it("ask with the focus on the harmless answer, which gives it back", async () => {
    let confirmations = 0
    await using _ = await render(<Question onConfirm={() => confirmations += 1} />)
    await click(one("button", "Erase"))
    const dialog = one("alertdialog")
    const text = (attribute: string) => document.getElementById(dialog.getAttribute(attribute) ?? "")?.textContent
    assert.strictEqual(text("aria-labelledby"), "Erase the text?")
    assert.strictEqual(text("aria-describedby"), "Nobody can bring it back.")
    assert.strictEqual(focusedName(), "Keep it")
    await click(one("button", "Keep it"))
    assert.strictEqual(all("alertdialog").length, 0)
    assert.strictEqual(focusedName(), "Erase")
    assert.strictEqual(confirmations, 0)
  })

  it("close by Escape without an answer, and by the answer", async () => {
    let confirmations = 0
    await using _ = await render(<Question onConfirm={() => confirmations += 1} />)
    await click(one("button", "Erase"))
    await press("Escape")
    assert.deepStrictEqual([all("alertdialog").length, focusedName(), confirmations], [0, "Erase", 0])
    await click(one("button", "Erase"))
    await click(one("button", "Erase it"))
    assert.deepStrictEqual([all("alertdialog").length, focusedName(), confirmations], [0, "Erase", 1])
  })

  it("begin with their first field and have a cross", async () => {
    const Example = () => {
      const [open, setOpen] = useState(true)
      return (
        <Dialog open={open} onOpenChange={setOpen} title="Invite" footer={<Button variant="go">Invite</Button>}>
          <TextField label="Key" />
        </Dialog>
      )
    }
    await using _ = await render(<Example />)
    assert.strictEqual(document.activeElement, one("textbox", "Key"))
    await click(one("button", "Close"))
    assert.strictEqual(all("dialog").length, 0)
  })
})

describe("menus", () => {
  const example = (selected: Array<string>) => (
    <Menu
      label="Message"
      trigger={<IconButton icon="more" label="More" />}
      items={["Reply", "Copy", "Erase"].map((label) => ({ label, onSelect: () => selected.push(label) }))}
    />
  )

  it("open by an arrow key, move by arrows, choose by Enter and give the focus back", async () => {
    const selected: Array<string> = []
    await using _ = await render(example(selected))
    const trigger = one("button", "More")
    const state = (attribute: string) => trigger.getAttribute(attribute)
    assert.deepStrictEqual([state("aria-haspopup"), state("aria-expanded")], ["menu", "false"])
    trigger.focus()
    await press("ArrowDown")
    assert.strictEqual(one("menu").getAttribute("aria-label"), "Message")
    assert.strictEqual(state("aria-expanded"), "true")
    assert.strictEqual(state("aria-controls"), one("menu").id)
    assert.strictEqual(focusedName(), "Reply")
    await press("ArrowDown")
    assert.strictEqual(focusedName(), "Copy")
    await press("Enter")
    assert.deepStrictEqual([selected, all("menu").length, focusedName()], [["Copy"], 0, "More"])
  })

  it("close by Escape without a choice", async () => {
    const selected: Array<string> = []
    await using _ = await render(example(selected))
    await click(one("button", "More"))
    await press("Escape")
    assert.deepStrictEqual([selected, all("menu").length, focusedName()], [[], 0, "More"])
  })

  it("close by their button", async () => {
    await using _ = await render(example([]))
    await click(one("button", "More"))
    await click(one("button", "More"))
    assert.strictEqual(all("menu").length, 0)
  })
})
