import { assert, describe, it } from "@effect/vitest"
import { isRetryable } from "../../../src/domain/protocol/Rejection.ts"
import { type LogFailure, recoverFromFailure, rejectionOf } from "../../../src/domain/topic/AppendFailure.ts"
import { textErased } from "../../../src/domain/topic/Erasure.ts"

const full: LogFailure = { _tag: "LogUnavailable", fault: "full", message: "the disk is full" }
const moved: LogFailure = { _tag: "LogUnavailable", fault: "moved", message: "the data folder was moved" }
const ioError: LogFailure = { _tag: "LogUnavailable", fault: "other", message: "EIO at /data/choir.db" }
const corrupt: LogFailure = { _tag: "LogCorrupt", message: "log thread:a is damaged at 7 (altered)" }
const conflict: LogFailure = { _tag: "SeqConflict" }

describe("recoverFromFailure", () => {
  it("[TOP3] [TOP6] only a conflict is decided again on the current log, a bounded number of times", () => {
    assert.strictEqual(recoverFromFailure(conflict, 3, 1)._tag, "CatchUpAndRetry")
    assert.strictEqual(recoverFromFailure(conflict, 0, 1)._tag, "Reject")
  })

  it("[FLT3] [FLT4] an append that failed is never repeated by the server, since it may have happened", () => {
    for (const failure of [full, moved, ioError, corrupt, undefined]) {
      assert.deepStrictEqual(recoverFromFailure(failure, 3, 2), { _tag: "Reject", rejection: rejectionOf(failure) })
    }
  })
})

describe("an append whose source was erased", () => {
  const erased: LogFailure = { _tag: "SourceErased" }

  it("[TOP10] rejects the command that repeats it, and not the others of its batch", () => {
    assert.strictEqual(recoverFromFailure(erased, 3, 2)._tag, "RetryApart")
    assert.deepStrictEqual(recoverFromFailure(erased, 3, 1), { _tag: "Reject", rejection: textErased })
  })
})

describe("rejectionOf", () => {
  it.each([full, moved])("[FLT3][FLT23] names a disk that is $fault, and may be retried", (failure) => {
    assert.deepInclude(rejectionOf(failure), { code: "unavailable", message: failure.message })
    assert.isTrue(isRetryable(rejectionOf(failure).code))
  })

  it("[FLT4] discloses nothing of an I/O error", () => {
    assert.strictEqual(rejectionOf(ioError).code, "unavailable")
    assert.notInclude(rejectionOf(ioError).message, "EIO")
  })

  it("[FLT5] names the topic and the seq of a damaged log", () => {
    assert.deepInclude(rejectionOf(corrupt), { code: "unavailable", message: corrupt.message })
  })

  it("[FLT25] a defect is internal", () => assert.strictEqual(rejectionOf(undefined).code, "internal"))
})
