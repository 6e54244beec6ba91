import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as SocketLimits from "../../../src/domain/admission/SocketLimits.ts"

const count = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 })))

describe("SocketLimits", () => {
  it.prop("[SEC24] leaves descriptors for other files, and warns when connections are allowed that it cannot hold", {
    openFiles: count,
    connections: count
  }, ({ connections, openFiles }) => {
    const most = SocketLimits.maxSockets(openFiles)
    assert.strictEqual(most, openFiles > SocketLimits.reservedFiles ? openFiles - SocketLimits.reservedFiles : 1)
    const warning = SocketLimits.socketWarning(openFiles, { connections })
    assert.strictEqual(warning === undefined, openFiles >= connections)
    if (warning === undefined) return
    // Who does as it says gets no warning.
    const raised = Number(/ulimit -n\) to (\d+)/.exec(warning)![1])
    assert.isUndefined(SocketLimits.socketWarning(raised, { connections }))
  })

  it("[SEC24] at least one socket is served, and an address has as many besides as it may have connections", () => {
    assert.deepStrictEqual([0, 128, 129, 130, 131].map(SocketLimits.maxSockets), [1, 1, 1, 2, 3])
    assert.strictEqual(SocketLimits.maxSocketsPerAddress({ connectionsPerAddress: 7 }), 14)
  })
})
