import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Author, UserId } from "../../../src/domain/protocol/Ids.ts"
import { Agent, authorOf, Person, Principal, principalOf, Server } from "../../../src/domain/protocol/Principal.ts"

const ada = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const device = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
const bot = UserId.make("O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik")
const attestation = {
  agent: bot,
  audience: "example.org",
  budget: null,
  commands: ["submit_message"],
  expires_at: 2,
  issued_at: 1,
  owner: ada,
  signature: "s",
  topics: ["thread:a*"]
}

describe("a principal", () => {
  it("[AUT8] has as author the person, whichever device they use, the agent itself, or the server", () => {
    assert.strictEqual(authorOf({ key: device, person: ada }), ada)
    assert.strictEqual(authorOf({ agent: bot, attestation, owner: ada }), bot)
    assert.strictEqual(authorOf({ server: "system:clock" }), "system:clock")
  })

  it.prop("[AUT8] of an author who is no agent is a person with their own key, or the server", [Author], ([author]) => {
    const principal = principalOf(author)
    assert.strictEqual(authorOf(principal), author)
    assert.strictEqual(Schema.is(Server)(principal), author.startsWith("system:"))
    if ("person" in principal) assert.isUndefined(principal.key)
  })

  it.prop("[AUT8] is of one case, which its fields tell", [Principal], ([principal]) => {
    assert.deepStrictEqual(Schema.decodeUnknownSync(Principal)(JSON.parse(JSON.stringify(principal))), principal)
    assert.strictEqual([Person, Agent, Server].filter((Case) => Schema.is(Case)(principal)).length, 1)
  })

  it("[AUT8] names its keys and its server in full", () => {
    const partial = [{}, { key: ada }, { agent: bot, owner: ada }, { server: "clock" }, {
      server: ada
    }]
    for (const principal of partial) assert.isFalse(Schema.is(Principal)(principal))
  })

  it("[AUT8] [TOP10] has no field for words, which could not be erased: an attestation names topics and commands only", () => {
    const isAgent = (more: object) =>
      Schema.is(Agent)({ agent: bot, attestation: { ...attestation, ...more }, owner: ada })
    for (const topic of ["*", "thr*", "thread:*", "thread:a.b/c*", "thread:a_1", "room:host/~x"]) {
      assert.isTrue(isAgent({ topics: [topic] }), topic)
    }
    for (const topic of ["", "5 Mill Lane", "thread:5 Mill Lane", "thread:*a", "a:b:c", "thread:\u00e9*"]) {
      assert.isFalse(isAgent({ topics: [topic] }), topic)
    }
    for (const command of ["", "5 Mill Lane", "5", "send message", "a".repeat(65)]) {
      assert.isFalse(isAgent({ commands: [command] }), command)
    }
  })
})
