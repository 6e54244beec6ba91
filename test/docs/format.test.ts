import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { canonicalJson } from "../../src/domain/protocol/CanonicalJson.ts"
import { CommandId, TopicId, UserId } from "../../src/domain/protocol/Ids.ts"
import * as Protocol from "../../src/domain/protocol/Protocol.ts"
import * as Seal from "../../src/domain/protocol/Seal.ts"
import { type SignedCommand, signingInput } from "../../src/domain/protocol/SignedCommand.ts"
import * as StateHash from "../../src/domain/protocol/StateHash.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { decideBatch } from "../../src/domain/topic/CommandBatch.ts"
import { replay } from "../../src/domain/topic/DurableState.ts"
import { chainDrafts, emptyHead, type Genesis } from "../../src/domain/topic/Log.ts"
import { commitTexts, empty, openingsOf, textsIn } from "../../src/domain/topic/SealedText.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"
import { verifyText } from "../../src/layers/sessions/SessionTokens.ts"

const text = readFileSync(new URL("../../docs/format.md", import.meta.url), "utf8")
const example = text.slice(text.indexOf("## Example"), text.indexOf("## Hashes of states and commands"))

/** What is hashed or signed, and the first code after it: what comes of it. */
const steps = [...example.matchAll(/```text\n([\s\S]*?)\n```\n\nis `([^`]+)`/g)].map(([, input, result]) => ({
  input: input!,
  result: result!
}))
const [saltStep, textStep, signatureStep, commandStep, genesisStep, entryStep] = steps

describe("docs/format.md", () => {
  const { id, payload, salt, signature, timestamp, type } = Schema.decodeUnknownSync(Protocol.Envelope)(
    JSON.parse(/```json\n([\s\S]*?)\n```/.exec(example)![1]!)
  )
  const key = UserId.make(/`([\w-]{43})` \(test 1/.exec(example)![1]!)
  const cause = CommandId.make(id)
  const topic = TopicId.make(`thread:${id}`)
  const command = commitTexts(
    Schema.decodeUnknownSync(threadKind.Command)({ _tag: type, ...payload }),
    () => Seal.saltSource(salt!, id),
    sha256
  )

  it.effect("[TOP5] [TOP10] [AUT5] each hash and the signature of the example are those of the bytes before it", () =>
    Effect.gen(function*() {
      assert.strictEqual(steps.length, 6)
      assert.strictEqual(sha256(saltStep!.input).slice(0, 22), saltStep!.result)
      for (const { input, result } of [textStep!, genesisStep!, entryStep!]) assert.strictEqual(sha256(input), result)
      assert.strictEqual(StateHash.hashState(JSON.parse(commandStep!.input)), commandStep!.result)
      assert.isTrue(yield* verifyText(signatureStep!.input, key, signatureStep!.result))
    }))

  it("[TOP5] [TOP10] [AUT5] the bytes of the example are those that its command is sealed, signed and logged with", () => {
    const [{ path, text: title }] = textsIn(command) as [ReturnType<typeof textsIn>[number]]
    assert.strictEqual(saltStep!.input, `choir/salt/1\n${Seal.saltSource(salt!, id)}\n${path}`)
    assert.strictEqual(textStep!.input, `choir/text/1\n${saltStep!.result}\n${title.text}`)
    assert.deepStrictEqual(openingsOf(command), { [textStep!.result]: [saltStep!.result, title.text!] })
    assert.strictEqual(commandStep!.input, canonicalJson(command))
    assert.strictEqual(signature, signatureStep!.result)

    const entry = JSON.parse(entryStep!.input.split("\n")[1]!)
    const signed: SignedCommand = { ...entry.signature, command: JSON.parse(commandStep!.input), signature }
    assert.strictEqual(signatureStep!.input, signingInput(cause, { ...signed, timestamp, topic }))

    const genesis = JSON.parse(genesisStep!.input.split("\n")[1]!) as Genesis
    const { drafts } = decideBatch(
      threadKind,
      topic,
      replay(threadKind, { epoch: genesis.epoch, seq: 0, state: threadKind.initial(topic) }, []),
      [{ id: cause, author: key, input: command, signed }],
      { now: genesis.created, past: undefined, seed: () => 0, findProcessed: () => undefined }
    )
    const chained = chainDrafts(sha256, emptyHead(genesis.epoch), 0, drafts)!
    assert.strictEqual(genesisStep!.input, `choir/genesis/1\n${canonicalJson(chained.genesis)}`)
    assert.strictEqual(chained.head.hash, entryStep!.result)
  })

  it("[TOP10] the seal of the empty text is the one that the page names", () => {
    assert.include(text, `\`${empty.c}\``)
    assert.isTrue(Seal.opens(sha256, ["A".repeat(22), ""], empty.seal))
  })
})
