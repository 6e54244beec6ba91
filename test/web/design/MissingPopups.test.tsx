/** Popups whose chunks do not come at first: the page is offline, or its server is. */
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { act, type ReactNode, useState } from "react"
import { vi } from "vitest"
import type { PopupProps } from "../../../src/web/design/popups.ts"
import { all, click, one, perform, render } from "../Rendered.ts"

const server = {
  isDown: true,
  send<A>(component: A): A {
    if (this.isDown) throw new Error("offline")
    return component
  }
}

const chunks = ["../../../src/web/design/DialogCard.tsx", "../../../src/web/design/MenuPopup.tsx"]

/** The components, loaded anew: in the modules that test files share the chunks may be there already. */
const loadComponents = async () => {
  vi.resetModules()
  const { DialogCard } = await import("../../../src/web/design/DialogCard.tsx")
  const { MenuPopup } = await import("../../../src/web/design/MenuPopup.tsx")
  vi.doMock(chunks[0]!, () => ({
    get DialogCard() {
      return server.send(DialogCard)
    }
  }))
  vi.doMock(chunks[1]!, () => ({
    get MenuPopup() {
      return server.send(MenuPopup)
    }
  }))
  return {
    ...await import("../../../src/web/design/Button.tsx"),
    ...await import("../../../src/web/design/Dialog.tsx"),
    ...await import("../../../src/web/design/Menu.tsx"),
    ...await import("../../../src/web/design/popups.ts"),
    ...await import("../../../src/web/design/Toast.tsx")
  }
}

let components: Awaited<ReturnType<typeof loadComponents>>

beforeAll(async () => {
  components = await loadComponents()
})

afterAll(() => {
  for (const chunk of chunks) vi.doUnmock(chunk)
  vi.resetModules()
})

const missing = "This could not be loaded. Try again when there is a connection."

/** A button that opens what is like a dialog, and says whether that is open. */
const Example = ({ popup }: { readonly popup: (props: PopupProps) => ReactNode }) => {
  const { Button, ToastProvider } = components
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
    const { Dialog } = components
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
    const { Button, Menu, ToastProvider } = components
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
    const { Part } = components.lazyPopup<PopupProps>(() => {
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
