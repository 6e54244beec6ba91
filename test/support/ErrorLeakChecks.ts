/** Checks that errors sent to clients reveal nothing about the implementation (SEC22). */
import { assert } from "@effect/vitest"
import { ErrorCode } from "../../src/domain/protocol/Rejection.ts"
import type { ReceivedMessage } from "./TestUsers.ts"

/** Stack traces, paths, SQL, library names and error classes; `canary` marks secrets that tests plant. */
const leakPattern =
  /canary|\bat \w+ \(|\.[jt]s\b|node:|node_modules|sqlite|select |insert |\/(?:tmp|home|root|work)|schema|effect|undefined|errno|\bE(?:IO|NOENT|ACCES|PIPE|NOSPC)\b|TypeError|Exception|Cause/i

/** Asserts that every error among the messages has a documented code and leaks nothing; returns the codes. */
export const checkErrorLeaks = (messages: ReadonlyArray<ReceivedMessage>): ReadonlySet<string> => {
  const errors = messages.filter(({ type }) => type === "error").map(({ payload }) => payload)
  for (const error of errors) {
    assert.include(ErrorCode.literals, error["code"])
    assert.notMatch(JSON.stringify(error), leakPattern)
    assert.isBelow(String(error["message"]).length, 200)
  }
  return new Set(errors.map(({ code }) => String(code)))
}
