import { assert, describe, it } from "@effect/vitest"
import { isSnapshotDue, isUsable } from "../../../src/domain/topic/Snapshots.ts"
import * as CounterKind from "../../support/CounterKind.ts"

const { kind } = CounterKind

describe("snapshots", () => {
  it("[TOP7] one is due once so many events were appended since the last", () => {
    assert.deepStrictEqual([255, 256, 300].map((seq) => isSnapshotDue(seq, 0, 256)), [false, true, true])
    assert.isFalse(isSnapshotDue(300, 256, 256))
  })

  it("[TOP7] one of another version of the kind, or ahead of the log, is not used: the log is replayed instead", () => {
    const snapshot = { seq: 4, version: kind.version, state: "{}", textSeqs: [] }
    assert.isTrue(isUsable(snapshot, kind, 4))
    assert.isFalse(isUsable(snapshot, kind, 3))
    assert.isFalse(isUsable({ ...snapshot, version: kind.version + 1 }, kind, 4))
  })
})
