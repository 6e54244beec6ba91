import { assert, it } from "@effect/vitest"
import { formatBar, waitingSeconds } from "../../src/cli/ImportProgress.ts"

it("an import shows how far it is, and how long the server makes it wait", () => {
  assert.strictEqual(formatBar({ sent: 0, total: 0 }, 0), `[${"·".repeat(30)}] 0 of 0`)
  assert.strictEqual(
    formatBar({ sent: 35, total: 70 }, 8),
    `[${"#".repeat(15)}${"·".repeat(15)}] 35 of 70, the server takes more in 8 seconds`
  )
  const sendWindows = new Map([["messages", { notBefore: 9_100, window: 1 }], ["others", { notBefore: 0, window: 8 }]])
  assert.strictEqual(waitingSeconds({ sendWindows }, 1_000), 9)
  assert.strictEqual(waitingSeconds({ sendWindows }, 10_000), 0)
  assert.strictEqual(waitingSeconds({ sendWindows: new Map() }, 0), 0)
})
