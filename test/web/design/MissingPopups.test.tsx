/** Popups whose chunks do not come at first: the page is offline, or its server is. */
import { assert, beforeEach, describe, it } from "@effect/vitest"
import { act, type ReactNode, useState } from "react"
import { vi } from "vitest"
import { Button } from "../../../src/web/design/Button.tsx"
import { Dialog } from "../../../src/web/design/Dialog.tsx"
import type * as CardChunk from "../../../src/web/design/DialogCard.tsx"
import { Menu } from "../../../src/web/design/Menu.tsx"
import type * as MenuChunk from "../../../src/web/design/MenuPopup.tsx"
import { lazyPopup, type PopupProps } from "../../../src/web/design/popups.ts"
import { ToastProvider } from "../../../src/web/design/Toast.tsx"
import { all, click, one, perform, render } from "../Rendered.ts"

const server = vi.hoisted(() => ({
  isDown: true,
  send<A>(component: A): A {
    if (this.isDown) throw new Error("offline")
    return component
  }
}))

vi.mock("../../../src/web/design/DialogCard.tsx", async (importOriginal) => {
  const { DialogCard } = await importOriginal<typeof CardChunk>()
  return {
    get DialogCard() {
      return server.send(DialogCard)
    }
  }
})

vi.mock("../../../src/web/design/MenuPopup.tsx", async (importOriginal) => {
  const { MenuPopup } = await importOriginal<typeof MenuChunk>()
  return {
    get MenuPopup() {
      return server.send(MenuPopup)
    }
  }
})

const missing = "This could not be loaded. Try again when there is a connection."

/** A button that opens what is like a dialog, and says whether that is open. */
const Example = ({ popup }: { readonly popup: (props: PopupProps) => ReactNode }) => {
  const [open, setOpen] = useState(false)
  return (
    <ToastProvider>
      <Button aria-expanded={open} onClick={() => setOpen(!open)}>Invite</Button>
      {popup({ open, onOpenChange: setOpen })}
    </ToastProvider>
  )
}

/** Presses a button, and waits for the chunks it asks for. */
const pressButton = async (name: string) => {
  await click(one("button", name))
  await act(() => vi.dynamicImportSettled())
}

/** Whether the button says that its popup is open, and what the toast says. */
const said = (button: string) => [one("button", button).getAttribute("aria-expanded"), one("status").textContent]

describe("a popup that cannot be loaded", () => {
  beforeEach(() => {
    server.isDown = true
  })

  it("is a closed dialog and a sentence, and opens at the next press", async () => {
    await using _ = await render(<Example popup={(props) => <Dialog {...props} title="Invite" />} />)
    for (const _attempt of [1, 2]) {
      await pressButton("Invite")
      assert.deepStrictEqual([...said("Invite"), all("dialog").length], ["false", missing, 0])
    }
    server.isDown = false
    await pressButton("Invite")
    assert.strictEqual(all("dialog").length, 1)
  })

  it("is a closed menu and a sentence, and opens at the next press", async () => {
    await using _ = await render(
      <ToastProvider>
        <Menu label="Message" trigger={<Button>More</Button>} items={[{ label: "Copy", onSelect: () => {} }]} />
      </ToastProvider>
    )
    for (const _attempt of [1, 2]) {
      await pressButton("More")
      assert.deepStrictEqual([...said("More"), all("menu").length], ["false", missing, 0])
    }
    server.isDown = false
    await pressButton("More")
    assert.strictEqual(all("menu").length, 1)
    assert.strictEqual(one("button", "More").getAttribute("aria-expanded"), "true")
  })

  it("is not asked for before it opens, and nothing is said of one that was closed meanwhile", async () => {
    const attempts: Array<PromiseWithResolvers<() => ReactNode>> = []
    const { Part } = lazyPopup<PopupProps>(() => {
      attempts.push(Promise.withResolvers())
      return attempts.at(-1)!.promise
    })
    await using _ = await render(<Example popup={(props) => <Part {...props} />} />)
    assert.strictEqual(attempts.length, 0)
    await pressButton("Invite")
    await pressButton("Invite")
    await perform(() => attempts[0]!.reject(new Error("offline")))
    assert.deepStrictEqual(said("Invite"), ["false", ""])
    await pressButton("Invite")
    assert.deepStrictEqual([...said("Invite"), attempts.length], ["true", "", 2])
  })
})
