import { assert, describe, it } from "@effect/vitest"
import { closeCode, mayReconnect } from "../../../src/domain/connection/CloseCode.ts"

describe("CloseCode", () => {
  it("[CON6] after 4000 to 4499 a client may reconnect, after 4500 to 4999 it must not", () => {
    for (let code = 4000; code <= 4499; code++) assert.isTrue(mayReconnect(code), `${code}`)
    for (let code = 4500; code <= 4999; code++) assert.isFalse(mayReconnect(code), `${code}`)
  })

  it("[CON6] 1012 means drain and 1013 overload, after which a client reconnects", () => {
    assert.strictEqual(closeCode.restart, 1012)
    assert.strictEqual(closeCode.overload, 1013)
    // Going away, a close without a code, a lost connection, an internal error.
    const others = [1001, 1005, 1006, 1011]
    for (let code = 1000; code < 4000; code++) {
      assert.strictEqual(mayReconnect(code), [...others, 1012, 1013].includes(code), `${code}`)
    }
  })

  it("[CON6] the table has every code once, in the ranges of RFC 6455", () => {
    const codes = Object.values(closeCode)
    assert.strictEqual(new Set(codes).size, codes.length)
    for (const code of codes) assert.isTrue(code >= 1000 && code <= 1013 || code >= 4000 && code <= 4999, `${code}`)
  })
})
