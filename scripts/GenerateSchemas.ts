/**
 * Generates the machine-readable protocol: a JSON Schema (draft 7) of every message, event and state, and an AsyncAPI 3
 * document that refers to them. All of it is derived from the schemas by which the server decodes.
 */
import { JsonSchema, Schema } from "effect"
import { builtInKinds } from "../src/domain/BuiltInKinds.ts"
import { topicScopedTypes } from "../src/domain/connection/FrameDecoder.ts"
import { ClientControl, Envelope, ServerMessage, subprotocol } from "../src/domain/protocol/Protocol.ts"
import type { AnyKind } from "../src/domain/topic/Topic.ts"

type Json = JsonSchema.JsonSchema
type JsonFields = Readonly<Record<string, Json>>

/** The JSON Schema of a schema's encoded form; `closed` rejects unknown fields, as the server does (SEC8). */
const jsonSchema = (schema: Schema.Constraint, closed: boolean): Json =>
  JsonSchema.toDocumentDraft07(
    Schema.toJsonSchemaDocument(schema, { onExcessProperty: closed ? "error" : "ignore" })
  ).schema

const envelope = jsonSchema(Envelope, true)
const { payload: _, ...commonFields } = envelope["properties"] as JsonFields

interface MessageOptions {
  /** Whether unknown fields are rejected: for messages of clients. */
  readonly closed: boolean
  readonly needsTopic: boolean
  /** The kind of topic that the message is for; undefined for any. */
  readonly kind?: string | undefined
}

/** The schema of a message: the envelope with the payload of its type. */
const messageSchema = (type: string, fields: Schema.Constraint, { closed, kind, needsTopic }: MessageOptions): Json => {
  const { properties, required = [], ...rest } = jsonSchema(fields, closed) as {
    readonly properties: JsonFields
    readonly required?: ReadonlyArray<string>
  }
  const { _tag, ...payload } = properties
  const requiredFields = required.filter((name) => name !== "_tag")
  return {
    type: "object",
    properties: {
      ...commonFields,
      type: { type: "string", const: type },
      payload: {
        ...rest,
        properties: payload,
        ...(requiredFields.length > 0 ? { required: requiredFields } : undefined)
      },
      ...(kind === undefined
        ? undefined
        : { thread_id: { allOf: [commonFields["thread_id"]!, { type: "string", pattern: `^${kind}:` }] } })
    },
    required: [
      "id",
      "type",
      "timestamp",
      ...requiredFields.length > 0 ? ["payload"] : [],
      ...needsTopic ? ["thread_id"] : []
    ],
    additionalProperties: !closed
  }
}

type MessageCases = Readonly<Record<string, Schema.Constraint>>

const messageSchemas = (cases: MessageCases, optionsOf: (type: string) => MessageOptions): JsonFields =>
  Object.fromEntries(
    Object.entries(cases).map(([type, fields]) => [type, messageSchema(type, fields, optionsOf(type))])
  )

const controlMessages = messageSchemas(
  ClientControl.cases,
  (type) => ({ closed: true, needsTopic: topicScopedTypes.has(type) })
)
const serverMessages = messageSchemas(ServerMessage.cases, () => ({ closed: false, needsTopic: false }))

/** The commands of a kind. `create_thread` needs no topic: the thread is named after the command's id. */
const commandMessages = (kind: AnyKind): JsonFields => {
  const { members } = kind.Command as Schema.Codec<unknown> & Schema.Union<ReadonlyArray<Schema.Constraint>>
  const cases = Object.fromEntries(members.flatMap((member) => tagsOf(member).map((type) => [type, member] as const)))
  return messageSchemas(cases, (type) => ({ closed: true, needsTopic: type !== "create_thread", kind: kind.name }))
}

/** The tag of a case; none of a schema that has no values. */
const tagsOf = (schema: Schema.Constraint): ReadonlyArray<string> => {
  const { properties } = jsonSchema(schema, true) as { readonly properties?: JsonFields }
  return properties?.["_tag"]?.["enum"] as ReadonlyArray<string> | undefined ?? []
}

const kinds = [...builtInKinds.values()]

/** The files of messages by name. Each has a definition per type, and accepts any of them. */
const messageFiles: Readonly<Record<string, { readonly title: string; readonly messages: JsonFields }>> = {
  control: { title: "Messages of a client that are no commands", messages: controlMessages },
  server: { title: "Messages of the server", messages: serverMessages },
  ...Object.fromEntries(
    kinds.filter((kind) => kind.commands.size > 0).map((kind) => [
      `${kind.name}-commands`,
      { title: `Commands to a ${kind.name}`, messages: commandMessages(kind) }
    ])
  )
}

const schemaFile = (name: string, title: string, schema: Json): Json => ({
  $schema: JsonSchema.META_SCHEMA_URI_DRAFT_07,
  $id: `choir:${name}`,
  title,
  ...schema
})

const anyOfMessages = (messages: JsonFields): Json => ({
  oneOf: Object.keys(messages).map((type) => ({ $ref: `#/definitions/${type}` })),
  definitions: messages
})

const schemas: Readonly<Record<string, Json>> = {
  envelope: schemaFile("envelope", "The envelope of every message", envelope),
  ...Object.fromEntries(
    Object.entries(messageFiles).map((
      [name, { messages, title }]
    ) => [name, schemaFile(name, title, anyOfMessages(messages))])
  ),
  ...Object.fromEntries(kinds.flatMap((kind) => [
    [
      `${kind.name}-events`,
      schemaFile(`${kind.name}-events`, `The events of a ${kind.name}`, jsonSchema(kind.Event, false))
    ],
    [
      `${kind.name}-state`,
      schemaFile(`${kind.name}-state`, `The state of a ${kind.name} in a snapshot`, jsonSchema(kind.State, false))
    ]
  ]))
}

// -- AsyncAPI ------------------------------------------------------------------

/** The replies to each client message besides `error`. */
const replyTypes: Readonly<Record<ClientControl["_tag"], ReadonlyArray<ServerMessage["_tag"]>>> = {
  connect: ["challenge"],
  auth: ["init"],
  resume: ["init"],
  renew: ["renewed"],
  sign_out: ["signed_out"],
  heartbeat: ["heartbeat"],
  subscribe: ["subscribed"],
  unsubscribe: ["unsubscribed"],
  ack: [],
  desync: [],
  signal: [],
  get_threads: ["threads"],
  get_thread: ["thread_messages"],
  get_user: ["user"]
}

/** The messages that the server sends without a request. */
const pushedTypes: ReadonlyArray<ServerMessage["_tag"]> = [
  "delta",
  "signal",
  "presence_diff",
  "chorus_response",
  "goodbye",
  "batch"
]

const messageReference = (file: string, type: string) => ({ $ref: `#/channels/choir/messages/${file}.${type}` })

const receiveOperation = (file: string, type: string, replies: ReadonlyArray<ServerMessage["_tag"]>): Json => ({
  action: "receive",
  channel: { $ref: "#/channels/choir" },
  messages: [messageReference(file, type)],
  reply: {
    channel: { $ref: "#/channels/choir" },
    messages: [...replies, "error"].map((reply) => messageReference("server", reply))
  }
})

const asyncApiDocument = (version: string): Json => {
  const messages = Object.entries(messageFiles).flatMap(([file, { messages }]) =>
    Object.keys(messages).map((type) => ({ file, type, name: `${file}.${type}` }))
  )
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Choir",
      version,
      description: "Threads, rooms and the Chorus over one WebSocket. docs/protocol.md describes the protocol in prose."
    },
    defaultContentType: "application/json",
    servers: { local: { host: "127.0.0.1:4100", protocol: "ws", description: "A server with its default settings" } },
    channels: {
      choir: {
        address: "/ws",
        description: `Text frames of one message each, subprotocol ${subprotocol}.`,
        servers: [{ $ref: "#/servers/local" }],
        messages: Object.fromEntries(messages.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { ws: { method: "GET" } }
      }
    },
    operations: {
      ...Object.fromEntries(
        messages.filter(({ file }) => file !== "server").map(({ file, name, type }) => [
          name,
          receiveOperation(file, type, file === "control" ? replyTypes[type as ClientControl["_tag"]] : ["receipt"])
        ])
      ),
      push: {
        action: "send",
        channel: { $ref: "#/channels/choir" },
        messages: pushedTypes.map((type) => messageReference("server", type))
      }
    },
    components: {
      messages: Object.fromEntries(
        messages.map(({ file, name, type }) => [name, {
          name: type,
          payload: { $ref: `./schemas/${file}.json#/definitions/${type}` }
        }])
      )
    }
  }
}

/** The text of each generated file by its path below `docs`. Deterministic: equal schemas give equal bytes. */
export const generateSchemas = (version: string): ReadonlyMap<string, string> =>
  new Map(
    [
      ["asyncapi.json", asyncApiDocument(version)] as const,
      ...Object.entries(schemas).map(([name, schema]) => [`schemas/${name}.json`, schema] as const)
    ].map(([path, json]) => [path, `${JSON.stringify(json, null, 2)}\n`])
  )
