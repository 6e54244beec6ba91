/** What is looked for in everything that a client is refused with (SEC22). */
import { assert } from "@effect/vitest"
import { ErrorCode } from "../../src/domain/protocol/Rejection.ts"
import type { ReceivedMessage } from "./TestUsers.ts"

/** What would tell somebody how it is made, where it stands, or what it keeps; `canary` is what tests plant. */
const leakPattern =
  /canary|\bat \w+ \(|\.[jt]s\b|node:|node_modules|sqlite|select |insert |\/(?:tmp|home|root|work)|schema|effect|undefined|errno|\bE(?:IO|NOENT|ACCES|PIPE|NOSPC)\b|TypeError|Exception|Cause/i

/** Holds every error among these messages to the table of codes and to silence about the rest; the codes there were. */
export const checkErrorLeaks = (messages: ReadonlyArray<ReceivedMessage>): ReadonlySet<string> => {
  const errors = messages.filter(({ type }) => type === "error").map(({ payload }) => payload)
  for (const error of errors) {
    assert.include(ErrorCode.literals, error["code"])
    assert.notMatch(JSON.stringify(error), leakPattern)
    assert.isBelow(String(error["message"]).length, 200)
  }
  return new Set(errors.map(({ code }) => String(code)))
}
