import { assert, describe, it } from "@effect/vitest"
import { sendMessage } from "../../src/client/ClientTransitions.ts"
import { Instant } from "../../src/domain/protocol/Ids.ts"
import { onlineFixture } from "./ClientFixture.ts"

describe("ClientTransitions", () => {
  it("[SYN1] gives each of its messages an id of its own", () => {
    const { state } = onlineFixture()
    const [afterFirst, [first]] = sendMessage(state, Instant.make(0), "heartbeat", {})
    const [, [second]] = sendMessage(afterFirst, Instant.make(0), "heartbeat", {})
    assert(first?._tag === "Send" && second?._tag === "Send")
    assert.notStrictEqual(first.envelope.id, second.envelope.id)
  })
})
