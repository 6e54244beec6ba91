import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Exit, Result, Schema } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import manifest from "../../package.json" with { type: "json" }
import { generateSchemas } from "../../scripts/GenerateSchemas.ts"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import { makeDecoder } from "../../src/domain/connection/FrameDecoder.ts"
import { defaults } from "../../src/domain/protocol/Limits.ts"
import * as Protocol from "../../src/domain/protocol/Protocol.ts"
import { addFormats, Ajv, type JsonSchema } from "../support/qdrant/Ajv.ts"
import { uuid } from "../support/TestUsers.ts"

const docs = new URL("../../docs/", import.meta.url)
const read = (path: string) => readFileSync(new URL(path, docs), "utf8")
const schemaFiles = readdirSync(new URL("schemas/", docs)).sort()

const ajv = new Ajv({ strict: true, allowUnionTypes: true, strictTypes: false })
addFormats(ajv)
for (const file of schemaFiles) {
  ajv.addSchema({ ...JSON.parse(read(`schemas/${file}`)) as JsonSchema, $id: `https://choir.test/schemas/${file}` })
}
const schemaErrors = (file: string, value: unknown): string | undefined => {
  const validate = ajv.getSchema(`https://choir.test/schemas/${file}`)!
  return validate(value) === true ? undefined : ajv.errorsText(validate.errors)
}
const isClientMessage = (message: unknown) =>
  ["control.json", ...schemaFiles.filter((file) => file.endsWith("-commands.json"))]
    .some((file) => schemaErrors(file, message) === undefined)

const examples = [...read("protocol.md").matchAll(/```json (client|server)\n([\s\S]*?)```/g)].map(
  ([, side, json]) => ({ side: side!, json: JSON.parse(json!) as { readonly type: string; readonly payload: object } })
)

describe("the generated protocol files", () => {
  it("[OPS4] are up to date with the schemas of the source (npm run protocol)", () => {
    const files = generateSchemas(manifest.version)
    const expected = ["asyncapi.json", ...schemaFiles.map((file) => `schemas/${file}`)]
    assert.sameMembers([...files.keys()], expected)
    for (const [path, text] of files) assert.strictEqual(read(path), text, path)
  })

  it("[OPS4] every reference of the AsyncAPI document resolves", () => {
    const document: unknown = JSON.parse(read("asyncapi.json"))
    const references = [...read("asyncapi.json").matchAll(/"\$ref": "([^"]*)"/g)].map(([, reference]) => reference!)
    assert.isAbove(references.length, 100)
    for (const reference of references) {
      const [path, pointer] = reference.split("#") as [string, string]
      let value = path === "" ? document : JSON.parse(read(path)) as unknown
      for (const key of pointer.split("/").slice(1)) value = (value as Record<string, unknown>)[key]
      assert.isDefined(value, reference)
    }
  })

  it("[OPS4] every message type has a schema, and so have the events and state of every kind", () => {
    const document = JSON.parse(read("asyncapi.json")) as {
      readonly components: { readonly messages: Readonly<Record<string, unknown>> }
    }
    const names = Object.keys(document.components.messages)
    for (const type of Protocol.clientControlTypes) assert.include(names, `control.${type}`)
    for (const type of Object.keys(Protocol.ServerMessage.cases)) assert.include(names, `server.${type}`)
    for (const kind of builtInKinds.values()) {
      for (const type of kind.commands) assert.include(names, `${kind.name}-commands.${type}`)
      assert.includeMembers(schemaFiles, [`${kind.name}-events.json`, `${kind.name}-state.json`])
    }
  })

  it.each(examples)("[SYN1][OPS4] the $side's example of $json.type is valid", ({ json, side }) => {
    if (side === "server") assert.isUndefined(schemaErrors("server.json", json))
    else assert.isTrue(isClientMessage(json))
  })

  it.each(examples.filter(({ side }) => side === "client"))(
    "[SEC8][OPS4] $json.type with an unknown field is invalid",
    ({ json }) => {
      assert.isFalse(isClientMessage({ ...json, author: "me" }))
      assert.isFalse(isClientMessage({ ...json, payload: { ...json.payload, author: "me" } }))
    }
  )

  it("[OPS4] a command needs a topic of its kind", () => {
    const message = { id: uuid(), type: "close_thread", payload: {}, timestamp: 0 }
    assert.isFalse(isClientMessage(message))
    assert.isFalse(isClientMessage({ ...message, thread_id: "room:a" }))
    assert.isTrue(isClientMessage({ ...message, thread_id: "thread:a" }))
  })

  const readFrame = makeDecoder(builtInKinds, defaults)
  it.prop(
    "[OPS4] a client message that the server accepts is valid",
    [Protocol.ClientControl],
    ([{ _tag, ...payload }]) => {
      const text = JSON.stringify({ id: uuid(), type: _tag, payload, timestamp: 0, thread_id: "thread:a" })
      if (Result.isSuccess(readFrame(text))) assert.isTrue(isClientMessage(JSON.parse(text)))
    }
  )

  const bound = { id: uuid(), timestamp: 0 }
  it.prop("[OPS4] every message of the server is valid", [Protocol.ServerMessage], ([message]) => {
    assert.isUndefined(schemaErrors("server.json", JSON.parse(Protocol.encodeServerMessage(message, bound))))
  })

  for (const kind of builtInKinds.values()) {
    it.prop(`[OPS4] every event of a ${kind.name} is valid`, { event: Arbitrary.schema(kind.Event) }, ({ event }) => {
      const json = Schema.encodeUnknownExit(Schema.toCodecJson(kind.Event))(event)
      assert.isTrue(Exit.isSuccess(json))
      if (Exit.isSuccess(json)) assert.isUndefined(schemaErrors(`${kind.name}-events.json`, json.value))
    })
  }
})
