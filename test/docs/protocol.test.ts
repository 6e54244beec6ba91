import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { closeCode, mayReconnect } from "../../src/domain/connection/CloseCode.ts"
import { canonicalJson } from "../../src/domain/protocol/CanonicalJson.ts"
import * as Protocol from "../../src/domain/protocol/Protocol.ts"
import { ErrorCode } from "../../src/domain/protocol/Rejection.ts"
import * as Seal from "../../src/domain/protocol/Seal.ts"
import * as StateHash from "../../src/domain/protocol/StateHash.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { entryHash, type HashedFields } from "../../src/domain/topic/Log.ts"
import { commitTexts, openingsOf, openTexts, plain } from "../../src/domain/topic/SealedText.ts"
import { userKind } from "../../src/domain/user/User.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"

const text = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8")

const examples = [...text.matchAll(/```json (client|server)\n([\s\S]*?)```/g)].map(([, side, json]) => ({
  side: side!,
  json: JSON.parse(json!) as { readonly type: string; readonly payload: object }
}))

const ClientMessage = Schema.Union([Protocol.ClientControl, threadKind.Command, userKind.Command])
const decodeClient = Schema.decodeUnknownSync(ClientMessage)
const encodeClient = Schema.encodeSync(ClientMessage)

/** Published events of the examples, by seq. */
const published = new Map(
  examples.flatMap(({ json }) => {
    const message = Protocol.decodeServerMessage(json)?.message
    return message?._tag === "subscribed" || message?._tag === "delta" ? message.events ?? [] : []
  }).map((event) => [event.seq, event] as const)
)

describe("docs/protocol.md", () => {
  it.each(examples.filter((example) => example.side === "server"))(
    "[SYN1] the server's example of $json.type is decoded and encoded unchanged",
    ({ json }) => {
      const decoded = Protocol.decodeServerMessage(json)
      assert.isDefined(decoded)
      const { envelope, message } = decoded!
      assert.deepStrictEqual(
        JSON.parse(Protocol.encodeServerMessage(message, { ...envelope, thread_id: envelope.thread_id })),
        json
      )
    }
  )

  it.each(examples.filter((example) => example.side === "client"))(
    "[SYN1] the client's example of $json.type is decoded and encoded unchanged",
    ({ json }) => {
      const envelope = Schema.decodeUnknownSync(Protocol.Envelope)(json)
      const message = { _tag: envelope.type, ...envelope.payload }
      assert.deepStrictEqual<unknown>(encodeClient(decodeClient(message)), message)
    }
  )

  describe("Texts and seals", () => {
    const section = text.slice(text.indexOf("## Texts and seals"), text.indexOf("## Ephemeral messages"))
    const example = /```text\n(.*)\n```/.exec(section)![1]!
    const quoted = (name: string) => new RegExp(`${name} +([\\w/-]+)$`, "m").exec(section)![1]!

    it("[TOP10] the salt and the commitment of the example follow from its command", () => {
      const { json } = examples.find(({ json }) => json.type === "submit_message")!
      const { id, payload, salt: commandSalt } = Schema.decodeUnknownSync(Protocol.Envelope)(json)
      const source = Seal.saltSource(commandSalt!, id)
      const salt = Seal.deriveSalt(sha256, source, quoted("path"))
      const content = payload!["content"] as string
      assert.strictEqual(quoted("salt of the text"), salt)
      assert.strictEqual(quoted("commitment"), Seal.commitment(sha256, salt, content))
      const input = commitTexts(decodeClient({ _tag: json.type, ...json.payload }), () => source, sha256)
      assert.deepStrictEqual(openingsOf(input), { [quoted("commitment")]: [salt, content] })
      assert.deepStrictEqual(published.get(2)!.open, openingsOf(input))
    })

    it("[TOP5] [TOP10] the examples of events are the entries of one log, down to the byte", () => {
      const { epoch, prev, topic } = JSON.parse(example) as HashedFields
      const [second, ...later] = [2, 3, 4].map((seq) => published.get(seq)!)
      const { hash, open: _, ...fields } = second!
      assert.strictEqual(canonicalJson({ ...fields, epoch, prev, topic }), example)
      assert.strictEqual(sha256(`choir/entry/1\n${example}`), hash)
      for (const [i, event] of later.entries()) {
        assert.strictEqual(entryHash(sha256, { ...event, epoch, topic, prev: published.get(i + 2)!.hash }), event.hash)
      }
      for (const { event, open } of published.values()) {
        for (const [c, opening] of Object.entries(open ?? {})) {
          assert.isTrue(Seal.opens(sha256, opening, (event as { readonly content: Seal.Seal }).content))
          assert.strictEqual(c, (event as { readonly content: Seal.Seal }).content.c)
        }
      }
    })

    it("[SYN7] [TOP10] the example of a snapshot has the state's hash, and openings that fit", () => {
      const message = examples.map(({ json }) => Protocol.decodeServerMessage(json)?.message)
        .find((message) => message?._tag === "subscribed" && message.mode === "snapshot")
      const { hash, snapshot } = message as Protocol.ServerMessageOf<"subscribed">
      const state = openTexts(Schema.decodeUnknownSync(roomKind.State)(snapshot!.state), snapshot!.open)
      assert.strictEqual(StateHash.hashState(state), hash)
      assert.deepStrictEqual<unknown>(plain(state).messages.map(({ content }) => JSON.parse(content)), [{
        dish: "soup"
      }])
      const [{ content }] = state.messages as unknown as [{ readonly content: Seal.Seal }]
      assert.isTrue(Seal.opens(sha256, snapshot!.open[content.c]!, content))
    })
  })

  it("[CON6] the table of close codes equals the one in the source", () => {
    const rows = [...text.matchAll(/^\| ([\d, ]+) \| .* \| (yes|no)[^|]*\|$/gm)].flatMap(([, codes, back]) =>
      codes!.split(",").map((code) => ({ code: Number(code), back: back === "yes" }))
    )
    assert.sameMembers(rows.map((row) => row.code), Object.values(closeCode))
    for (const row of rows) assert.strictEqual(mayReconnect(row.code), row.back, String(row.code))
  })

  it("[SEC22] the table of error codes equals the closed set in the source", () => {
    const section = text.slice(text.indexOf("## Error codes"))
    const codes = [...section.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code!).filter((code) => code !== "rule")
    assert.sameMembers([...new Set(codes)], [...ErrorCode.literals])
  })
})
