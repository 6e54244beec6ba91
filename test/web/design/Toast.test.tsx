import { assert, describe, it, vi } from "@effect/vitest"
import { Button } from "../../../src/web/design/Button.tsx"
import { ToastProvider, toastMillis, useToast } from "../../../src/web/design/Toast.tsx"
import { all, click, one, perform, render } from "../Rendered.ts"

const Example = ({ onUndo }: { readonly onUndo: () => void }) => {
  const showToast = useToast()
  return (
    <>
      <Button onClick={() => showToast("Copied")}>Copy</Button>
      <Button onClick={() => showToast("You agreed", { label: "Undo", onSelect: onUndo })}>Agree</Button>
    </>
  )
}

const renderExample = (onUndo = () => {}) => render(<ToastProvider><Example onUndo={onUndo} /></ToastProvider>)

const elapse = (millis: number) => perform(() => vi.advanceTimersByTime(millis))

/** React hears of a pointer that enters by one that is over. */
const movePointer = (type: "pointerover" | "pointerout") =>
  perform(() => void one("status").firstElementChild?.dispatchEvent(new PointerEvent(type, { bubbles: true })))

describe("Toast", () => {
  it("is a status that was there before its text, one at a time", async () => {
    await using _ = await renderExample()
    assert.strictEqual(one("status").textContent, "")
    await click(one("button", "Copy"))
    assert.strictEqual(one("status").textContent, "Copied")
    await click(one("button", "Agree"))
    assert.strictEqual(one("status").textContent, "You agreedUndo")
  })

  it("offers an action once", async () => {
    let undone = 0
    await using _ = await renderExample(() => undone += 1)
    await click(one("button", "Agree"))
    await click(one("button", "Undo"))
    assert.deepStrictEqual([undone, one("status").textContent, all("button", "Undo").length], [1, "", 0])
  })

  it("goes by itself, but not under the pointer or with the focus in it", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    try {
      await using _ = await renderExample()
      await click(one("button", "Agree"))
      await elapse(toastMillis - 1)
      assert.strictEqual(one("status").textContent, "You agreedUndo")
      await movePointer("pointerover")
      await elapse(toastMillis)
      assert.strictEqual(one("status").textContent, "You agreedUndo")
      await movePointer("pointerout")
      await perform(() => one("button", "Undo").focus())
      await elapse(toastMillis)
      assert.strictEqual(one("status").textContent, "You agreedUndo")
      await perform(() => one("button", "Undo").blur())
      await elapse(toastMillis)
      assert.strictEqual(one("status").textContent, "")
    } finally {
      vi.useRealTimers()
    }
  })
})
