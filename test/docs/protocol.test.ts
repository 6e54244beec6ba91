import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { closeCode, mayReconnect } from "../../src/domain/connection/CloseCode.ts"
import * as Protocol from "../../src/domain/protocol/Protocol.ts"
import { ErrorCode } from "../../src/domain/protocol/Rejection.ts"
import * as ThreadModel from "../../src/domain/thread/ThreadModel.ts"

const text = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8")

const examples = [...text.matchAll(/```json (client|server)\n([\s\S]*?)```/g)].map(([, side, json]) => ({
  side: side!,
  json: JSON.parse(json!) as { readonly type: string; readonly payload: object }
}))

const decodeClient = Schema.decodeUnknownSync(Schema.Union([Protocol.ClientControl, ThreadModel.Command]))

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
    "[SYN1] the client's example of $json.type is decoded",
    ({ json }) => {
      const envelope = Schema.decodeUnknownSync(Protocol.Envelope)(json)
      assert.deepStrictEqual<unknown>(decodeClient({ _tag: envelope.type, ...envelope.payload }), {
        _tag: json.type,
        ...json.payload
      })
    }
  )

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
