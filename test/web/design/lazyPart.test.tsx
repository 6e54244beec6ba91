import { assert, describe, it } from "@effect/vitest"
import { FaultBoundary } from "../../../src/web/app/FaultBoundary.tsx"
import { lazyPart } from "../../../src/web/design/lazyPart.ts"
import { perform, render } from "../Rendered.ts"

const Greeting = ({ name }: { readonly name: string }) => <p>Hello {name}</p>

/** A part whose chunk the test lets come, or fail; and how often it was asked for. */
const makePart = () => {
  const attempts: Array<PromiseWithResolvers<typeof Greeting>> = []
  const part = lazyPart(() => {
    attempts.push(Promise.withResolvers())
    return attempts.at(-1)!.promise
  })
  return { ...part, attempts }
}

describe("a part with a chunk of its own", () => {
  it("shows what stands in for it until it is loaded, once", async () => {
    const { Part, attempts, preload } = makePart()
    void preload()
    await using page = await render(
      <>
        <Part name="Ann" placeholder="Loading" />
        <Part name="Ben" />
      </>
    )
    assert.strictEqual(page.container.textContent, "Loading")
    await perform(() => attempts[0]!.resolve(Greeting))
    assert.strictEqual(page.container.textContent, "Hello AnnHello Ben")
    assert.strictEqual(attempts.length, 1)
  })

  it("is there at its first render after it was loaded ahead", async () => {
    const { Part, attempts, preload } = makePart()
    const loading = preload()
    attempts[0]!.resolve(Greeting)
    await loading
    const rendered: Array<string> = []
    const Placeholder = () => {
      rendered.push("placeholder")
      return null
    }
    await using page = await render(<Part name="Ann" placeholder={<Placeholder />} />)
    assert.strictEqual(page.container.textContent, "Hello Ann")
    assert.deepStrictEqual(rendered, [])
  })

  it("that cannot be loaded is a fault, asked for once, and again by who comes next", async () => {
    const { Part, attempts } = makePart()
    let faults = 0
    const attempt = (key: number) => (
      <FaultBoundary key={key} fallback="Not loaded" onFault={() => (faults += 1)}>
        <Part name="Ann" placeholder="Loading" />
      </FaultBoundary>
    )
    await using page = await render(attempt(1))
    await perform(() => attempts[0]!.reject(new Error("offline")))
    assert.deepStrictEqual([page.container.textContent, faults, attempts.length], ["Not loaded", 1, 1])
    await page.update(attempt(2))
    await perform(() => attempts[1]!.resolve(Greeting))
    assert.deepStrictEqual([page.container.textContent, faults, attempts.length], ["Hello Ann", 1, 2])
  })

  it("tells of a failure who wants to know, but not who has gone", async () => {
    const { Part, attempts } = makePart()
    const missing: Array<string> = []
    const part = (name: string) => (
      <Part key={name} name={name} placeholder="Loading" onMissing={() => missing.push(name)} />
    )
    await using page = await render([part("Ann"), part("Ben")])
    await page.update([part("Ben")])
    await perform(() => attempts[0]!.reject(new Error("offline")))
    assert.deepStrictEqual([page.container.textContent, missing, attempts.length], ["Loading", ["Ben"], 1])
  })
})
