import { assert, describe, it, vi } from "@effect/vitest"
import { createRef } from "react"
import { ChoirProvider } from "../../../src/react/ClientContext.ts"
import { watchPart } from "../../../src/web/app/parts.ts"
import { Rail } from "../../../src/web/app/Rail.tsx"
import { mara } from "../../../src/web/states/fixturePeople.ts"
import { FixtureThread } from "../../../src/web/states/FixtureThread.ts"
import { FixtureConnection } from "../FixtureConnection.ts"
import { perform, render } from "../Rendered.ts"

describe("the list of threads", () => {
  it("subscribes to a thread when the mouse is pressed on it, and not when a finger is", async () => {
    const threads = [new FixtureThread("bridge", mara, "Bridges"), new FixtureThread("harp", mara, "Harps")]
    await using connection = await FixtureConnection.open(threads)
    await using page = await render(
      <ChoirProvider client={connection.client}>
        <Rail
          threads={threads.map((thread) => thread.summary())}
          open={undefined}
          isPage={false}
          unsavedSecret={undefined}
          onKeySaved={() => {}}
          onDialog={() => {}}
          searchField={createRef()}
        />
      </ChoirProvider>
    )
    const press = (title: string, pointerType: string) =>
      perform(() => {
        const row = [...page.container.querySelectorAll("nav a")].find((row) => row.textContent.includes(title))
        row?.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, pointerType }))
      })
    await watchPart.preload()
    await press("Bridges", "touch")
    await press("Harps", "mouse")
    const subscribed = () => connection.received.filter(({ type }) => type === "subscribe")
    await vi.waitFor(() => assert.notDeepEqual(subscribed(), []))
    assert.deepStrictEqual(subscribed().map(({ thread_id }) => thread_id), ["thread:harp"])
  })
})
