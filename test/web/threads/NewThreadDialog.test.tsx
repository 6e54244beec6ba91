import { assert, beforeAll, describe, it } from "@effect/vitest"
import { cardPart } from "../../../src/web/design/popups.ts"
import { NewThreadDialog } from "../../../src/web/threads/NewThreadDialog.tsx"
import { setValue } from "../composer/ComposerPage.tsx"
import { all, click, one, perform, render } from "../Rendered.ts"
import { ThreadStage } from "../ThreadStage.tsx"

beforeAll(async () => void await cardPart.preload())

const open = async (stage: ThreadStage) => {
  const created: Array<string> = []
  let isOpen = true
  const element = () =>
    stage.element(
      <NewThreadDialog
        open={isOpen}
        onOpenChange={(open) => {
          isOpen = open
        }}
        onThreadCreated={(topic) => created.push(topic)}
      />
    )
  const page = await render(element())
  return {
    [Symbol.asyncDispose]: () => page[Symbol.asyncDispose](),
    created,
    show: (open: boolean) => {
      isOpen = open
      return page.update(element())
    },
    title: () => one("textbox", "Title") as HTMLInputElement,
    isPrivate: () => (all("radio")[1] as HTMLInputElement).checked,
    submit: () => perform(() => document.querySelector("form")?.requestSubmit())
  }
}

describe("a new thread", () => {
  it("has the focus in its title, and is for everybody", async () => {
    await using dialog = await open(new ThreadStage())
    assert.strictEqual(document.activeElement, dialog.title())
    assert.isFalse(dialog.isPrivate())
  })

  it("is made by its title, and an empty one makes none", async () => {
    const stage = new ThreadStage()
    await using dialog = await open(stage)
    await dialog.submit()
    await setValue(dialog.title(), "   ")
    await dialog.submit()
    assert.deepStrictEqual(stage.sent, [])
    await setValue(dialog.title(), " Bridges ")
    await dialog.submit()
    assert.deepStrictEqual(stage.sent, [{ _tag: "create_thread", name: "Bridges", visibility: "public" }])
    assert.lengthOf(dialog.created, 1)
  })

  it("[THR7] is for its co-authors only when chosen, and the next one is for everybody again", async () => {
    const stage = new ThreadStage()
    await using dialog = await open(stage)
    await click(all("radio")[1]!)
    assert.isTrue(dialog.isPrivate())
    await setValue(dialog.title(), "Plans")
    await dialog.submit()
    assert.deepStrictEqual(stage.sent, [{ _tag: "create_thread", name: "Plans", visibility: "members" }])
    await dialog.show(false)
    await dialog.show(true)
    assert.isFalse(dialog.isPrivate())
    assert.strictEqual(dialog.title().value, "")
  })

  it("says why the server has not made it, and keeps the title", async () => {
    const stage = new ThreadStage()
    stage.rejection = "you have made too many threads"
    await using dialog = await open(stage)
    await setValue(dialog.title(), "Bridges")
    await dialog.submit()
    assert.include(one("dialog").textContent, "You have made too many threads.")
    assert.strictEqual(dialog.title().value, "Bridges")
    assert.deepStrictEqual(dialog.created, [])
  })
})
