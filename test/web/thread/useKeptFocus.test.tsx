import { assert, describe, it } from "@effect/vitest"
import type { ReactNode } from "react"
import { useKeptFocus } from "../../../src/web/thread/useKeptFocus.ts"
import { one, perform, render } from "../Rendered.ts"

/** A timeline of one message, which has a button while `hasButton`, and a dialog while `hasDialog`. */
const Page = ({ hasButton, hasDialog = false, hasMessage = true }: {
  readonly hasButton: boolean
  readonly hasDialog?: boolean
  readonly hasMessage?: boolean
}): ReactNode => {
  useKeptFocus()
  return (
    <>
      <div role="log" tabIndex={-1}>
        {hasMessage && (
          <article id="message-a" tabIndex={-1}>{hasButton && <button type="button">Approve</button>}</article>
        )}
      </div>
      <textarea />
      {hasDialog && (
        <div role="alertdialog">
          <button type="button">Not yet</button>
        </div>
      )}
    </>
  )
}

const focused = (): string => document.activeElement?.id || (document.activeElement?.getAttribute("role") ?? "")
const focus = (element: HTMLElement) => perform(() => element.focus())

describe("the keyboard's place in a timeline", () => {
  it("is the message whose button has left the document, also after a dialog", async () => {
    await using page = await render(<Page hasButton />)
    await focus(one("button", "Approve"))
    await page.update(<Page hasButton hasDialog />)
    await focus(one("button", "Not yet"))
    await page.update(<Page hasButton={false} />)
    assert.strictEqual(focused(), "message-a")
  })

  it("is the timeline where the message has left too", async () => {
    await using page = await render(<Page hasButton />)
    await focus(one("button", "Approve"))
    await page.update(<Page hasButton={false} hasMessage={false} />)
    assert.strictEqual(focused(), "log")
  })

  it("stays where it has gone since", async () => {
    await using page = await render(<Page hasButton />)
    await focus(one("button", "Approve"))
    await focus(one("textbox"))
    await page.update(<Page hasButton={false} />)
    assert.strictEqual(document.activeElement, one("textbox"))
    await perform(() => one("textbox").blur())
    await page.update(<Page hasButton={false} hasDialog />)
    assert.strictEqual(document.activeElement, document.body)
  })
})
