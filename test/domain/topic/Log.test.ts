import { assert, describe, it } from "@effect/vitest"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as Log from "../../../src/domain/topic/Log.ts"

const topic = TopicId.make("thread:a")
const draft: Log.UnchainedEntry = {
  topic,
  seq: 1,
  at: 5,
  cause: CommandId.make("c"),
  author: "system:a",
  version: 1,
  event: { _tag: "Said" }
}
const signed = { topic, command: { _tag: "say" }, timestamp: 4, signature: "s" }

describe("Log", () => {
  it("[TOP5] the text under an entry's hash is the one that was always written", () => {
    assert.strictEqual(
      Log.preimage("p", draft),
      `["choir/log/v1","p","thread:a",1,5,"c","system:a",1,{"_tag":"Said"}]`
    )
  })

  it("[TOP5] [AUT5] a signature is part of it", () => {
    assert.strictEqual(
      Log.preimage("p", { ...draft, signed }),
      `["choir/log/v2","p","thread:a",1,5,"c","system:a",1,{"_tag":"Said"},` +
        `{"topic":"thread:a","command":{"_tag":"say"},"timestamp":4,"signature":"s"}]`
    )
    const entry = Log.chainEntry((text) => text, Log.genesisHash(topic), { ...draft, signed })
    const { signed: _signed, ...stripped } = entry
    const check = (entry: Log.Entry) =>
      Log.verifyChain((text) => text, { seq: 0, hash: Log.genesisHash(topic) }, [entry])?.fault
    assert.isUndefined(check(entry))
    assert.strictEqual(check(stripped), "altered")
    assert.strictEqual(check({ ...entry, signed: { ...signed, signature: "t" } }), "altered")
  })

  it("[TOP5] [SYN4] what was asked is part of it, signed or not", () => {
    const asked = "0123456789abcdef"
    assert.strictEqual(
      Log.preimage("p", { ...draft, asked }),
      `["choir/log/v3","p","thread:a",1,5,"c","system:a",1,{"_tag":"Said"},null,"0123456789abcdef"]`
    )
    assert.include(Log.preimage("p", { ...draft, signed, asked }), `"signature":"s"},"0123456789abcdef"]`)
  })
})
