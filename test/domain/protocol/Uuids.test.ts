import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Uuids from "../../../src/domain/protocol/Uuids.ts"

describe("Uuids", () => {
  it("[SYN1] generated ids are UUIDs, and unique across generators", () => {
    const isUuid = Schema.is(Schema.String.check(Schema.isUUID()))
    const [a, b] = [Uuids.sequentialUuids(new Uint8Array(9).fill(255)), Uuids.sequentialUuids(new Uint8Array(9))]
    const ids = Array.from({ length: 10_000 }, () => [a(), b()]).flat()
    for (const id of ids) assert.isTrue(isUuid(id), id)
    assert.strictEqual(new Set(ids).size, 20_000)
  })
})
