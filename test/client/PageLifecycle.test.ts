import { assert, describe, it } from "@effect/vitest"
import * as PageLifecycle from "../../src/client/PageLifecycle.ts"

describe("PageLifecycle", () => {
  it("[SYN10] calls back when the page becomes visible and when the network changes, until unsubscribed", () => {
    const document = Object.assign(new EventTarget(), { visibilityState: "hidden" })
    const page = Object.assign(new EventTarget(), { document })
    let calls = 0
    const unsubscribe = PageLifecycle.onVisible(() => {
      calls += 1
    }, page)
    document.dispatchEvent(new Event("visibilitychange"))
    assert.strictEqual(calls, 0)
    document.visibilityState = "visible"
    document.dispatchEvent(new Event("visibilitychange"))
    page.dispatchEvent(new Event("online"))
    page.dispatchEvent(new Event("offline"))
    assert.strictEqual(calls, 3)
    unsubscribe()
    page.dispatchEvent(new Event("online"))
    assert.strictEqual(calls, 3)
  })

  it("[SYN10] calls back when the page's policy blocks the server, and for nothing else that it blocks", () => {
    const document = new EventTarget()
    const page = Object.assign(new EventTarget(), { document })
    let calls = 0
    const unsubscribe = PageLifecycle.onBlocked("wss://choir.test/ws", () => void (calls += 1), page)
    const violate = (fields: object) =>
      document.dispatchEvent(
        Object.assign(new Event("securitypolicyviolation"), {
          blockedURI: "wss://choir.test/ws",
          disposition: "enforce",
          ...fields
        })
      )
    violate({ disposition: "report" })
    const others = ["", "inline", "wss://elsewhere.test/ws", "wss://choir.test:9000/ws", "wss://choir.test.example/ws"]
    for (const blockedURI of others) violate({ blockedURI })
    assert.strictEqual(calls, 0)
    violate({})
    assert.strictEqual(calls, 1)
    unsubscribe()
    violate({})
    assert.strictEqual(calls, 1)
  })

  it("does nothing outside a page", () => {
    assert.doesNotThrow(PageLifecycle.onVisible(() => {}))
    assert.doesNotThrow(PageLifecycle.onBlocked("wss://choir.test/ws", () => {}))
  })
})
