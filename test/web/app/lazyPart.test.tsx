import { assert, describe, it } from "@effect/vitest"
import { Suspense } from "react"
import { FaultBoundary } from "../../../src/web/app/FaultBoundary.tsx"
import { lazyPart } from "../../../src/web/app/lazyPart.ts"
import { perform, render } from "../Rendered.ts"

const Greeting = ({ name }: { readonly name: string }) => <p>Hello {name}</p>

describe("a part with a chunk of its own", () => {
  it("shows what stands in for it until it is loaded, once", async () => {
    const { promise, resolve } = Promise.withResolvers<typeof Greeting>()
    let loads = 0
    const { Part, preload } = lazyPart(() => {
      loads += 1
      return promise
    })
    void preload()
    await using page = await render(
      <Suspense fallback="Loading">
        <Part name="Ann" />
        <Part name="Ben" />
      </Suspense>
    )
    assert.strictEqual(page.container.textContent, "Loading")
    await perform(() => resolve(Greeting))
    assert.strictEqual(page.container.textContent, "Hello AnnHello Ben")
    assert.strictEqual(loads, 1)
  })

  it("is asked for again after it could not be loaded", async () => {
    let isOffline = true
    let faults = 0
    const { Part } = lazyPart(() => isOffline ? Promise.reject(new Error("offline")) : Promise.resolve(Greeting))
    const attempt = (key: number) => (
      <FaultBoundary key={key} fallback="Not loaded" onFault={() => (faults += 1)}>
        <Suspense fallback="Loading">
          <Part name="Ann" />
        </Suspense>
      </FaultBoundary>
    )
    await using page = await render(attempt(1))
    assert.strictEqual(page.container.textContent, "Not loaded")
    isOffline = false
    await page.update(attempt(2))
    assert.strictEqual(page.container.textContent, "Hello Ann")
    assert.strictEqual(faults, 1)
  })
})
