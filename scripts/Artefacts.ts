/**
 * The protocol as files that other people's tools read: JSON Schemas (draft 7)
 * of every message, event and state, and an AsyncAPI 3 document over them.
 * All of it is derived from the schemas that the server itself decodes by.
 */
import { JsonSchema, Schema } from "effect"
import { topical } from "../src/domain/connection/Incoming.ts"
import { shipped } from "../src/domain/kinds/Kinds.ts"
import { Control, Envelope, ServerMessage, subprotocol } from "../src/domain/Protocol.ts"
import type { AnyKind } from "../src/domain/Topic.ts"

type Json = JsonSchema.JsonSchema
type Fields = Readonly<Record<string, Json>>

/** What a schema takes as JSON. `closed`: fields nobody knows are refused, as the server does (SEC8). */
const jsonSchema = (schema: Schema.Constraint, closed: boolean): Json =>
  JsonSchema.toDocumentDraft07(
    Schema.toJsonSchemaDocument(schema, { onExcessProperty: closed ? "error" : "ignore" })
  ).schema

const envelope = jsonSchema(Envelope, true)
const { payload: _, ...common } = envelope["properties"] as Fields

interface Options {
  /** Whether a client sends it. */
  readonly closed: boolean
  readonly needsTopic: boolean
  /** The kind of the topics it is for; any when there is none. */
  readonly kind?: string | undefined
}

/** A whole message of one type: the envelope with that type's payload. */
const message = (type: string, fields: Schema.Constraint, { closed, kind, needsTopic }: Options): Json => {
  const { properties, required = [], ...rest } = jsonSchema(fields, closed) as {
    readonly properties: Fields
    readonly required?: ReadonlyArray<string>
  }
  const { _tag, ...payload } = properties
  const needed = required.filter((name) => name !== "_tag")
  return {
    type: "object",
    properties: {
      ...common,
      type: { type: "string", const: type },
      payload: { ...rest, properties: payload, ...(needed.length > 0 ? { required: needed } : undefined) },
      ...(kind === undefined
        ? undefined
        : { thread_id: { allOf: [common["thread_id"]!, { type: "string", pattern: `^${kind}:` }] } })
    },
    required: [
      "id",
      "type",
      "timestamp",
      ...needed.length > 0 ? ["payload"] : [],
      ...needsTopic ? ["thread_id"] : []
    ],
    additionalProperties: !closed
  }
}

type Cases = Readonly<Record<string, Schema.Constraint>>

const each = (cases: Cases, make: (type: string) => Options): Fields =>
  Object.fromEntries(Object.entries(cases).map(([type, fields]) => [type, message(type, fields, make(type))]))

const control = each(Control.cases, (type) => ({ closed: true, needsTopic: topical.has(type) }))
const server = each(ServerMessage.cases, () => ({ closed: false, needsTopic: false }))

/** A thread that is being created takes its name from the command's id. */
const commands = (kind: AnyKind): Fields =>
  "cases" in kind.Command
    ? each(kind.Command.cases as Cases, (type) => ({
      closed: true,
      needsTopic: type !== "create_thread",
      kind: kind.name
    }))
    : {}

const kinds = [...shipped.values()]

/** Files of messages, by name: a definition per type, and any one of them. */
const messageFiles: Readonly<Record<string, { readonly title: string; readonly messages: Fields }>> = {
  control: { title: "What a client says about the connection", messages: control },
  server: { title: "What the server says", messages: server },
  ...Object.fromEntries(
    kinds.filter((kind) => kind.commands.size > 0).map((kind) => [
      `${kind.name}-commands`,
      { title: `What a client may ask of a ${kind.name}`, messages: commands(kind) }
    ])
  )
}

const file = (name: string, title: string, schema: Json): Json => ({
  $schema: JsonSchema.META_SCHEMA_URI_DRAFT_07,
  $id: `choir:${name}`,
  title,
  ...schema
})

const anyOf = (messages: Fields): Json => ({
  oneOf: Object.keys(messages).map((type) => ({ $ref: `#/definitions/${type}` })),
  definitions: messages
})

const schemas: Readonly<Record<string, Json>> = {
  envelope: file("envelope", "What every message is wrapped in", envelope),
  ...Object.fromEntries(
    Object.entries(messageFiles).map(([name, { messages, title }]) => [name, file(name, title, anyOf(messages))])
  ),
  ...Object.fromEntries(kinds.flatMap((kind) => [
    [
      `${kind.name}-events`,
      file(`${kind.name}-events`, `The events of a ${kind.name}`, jsonSchema(kind.Event, false))
    ],
    [
      `${kind.name}-state`,
      file(`${kind.name}-state`, `A ${kind.name} as a snapshot holds it`, jsonSchema(kind.State, false))
    ]
  ]))
}

// -- AsyncAPI ------------------------------------------------------------------

/** What answers a message about the connection, when it is not refused by `error`. */
const answers: Readonly<Record<Control["_tag"], ReadonlyArray<ServerMessage["_tag"]>>> = {
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

/** What the server says without having been asked. */
const pushed: ReadonlyArray<ServerMessage["_tag"]> = [
  "delta",
  "signal",
  "presence_diff",
  "chorus_response",
  "goodbye",
  "batch"
]

const onChannel = (file: string, type: string) => ({ $ref: `#/channels/choir/messages/${file}.${type}` })

const receive = (file: string, type: string, replies: ReadonlyArray<ServerMessage["_tag"]>): Json => ({
  action: "receive",
  channel: { $ref: "#/channels/choir" },
  messages: [onChannel(file, type)],
  reply: {
    channel: { $ref: "#/channels/choir" },
    messages: [...replies, "error"].map((reply) => onChannel("server", reply))
  }
})

const asyncapi = (version: string): Json => {
  const all = Object.entries(messageFiles).flatMap(([file, { messages }]) =>
    Object.keys(messages).map((type) => ({ file, type, name: `${file}.${type}` }))
  )
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Choir",
      version,
      description: "Threads, rooms and the Chorus over one WebSocket. docs/protocol.md says the same in prose."
    },
    defaultContentType: "application/json",
    servers: { local: { host: "127.0.0.1:4100", protocol: "ws", description: "A server with its default settings" } },
    channels: {
      choir: {
        address: "/ws",
        description: `Text frames of one message each, subprotocol ${subprotocol}.`,
        servers: [{ $ref: "#/servers/local" }],
        messages: Object.fromEntries(all.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { ws: { method: "GET" } }
      }
    },
    operations: {
      ...Object.fromEntries(
        all.filter(({ file }) => file !== "server").map(({ file, name, type }) => [
          name,
          receive(file, type, file === "control" ? answers[type as Control["_tag"]] : ["receipt"])
        ])
      ),
      push: {
        action: "send",
        channel: { $ref: "#/channels/choir" },
        messages: pushed.map((type) => onChannel("server", type))
      }
    },
    components: {
      messages: Object.fromEntries(
        all.map(({ file, name, type }) => [name, {
          name: type,
          payload: { $ref: `./schemas/${file}.json#/definitions/${type}` }
        }])
      )
    }
  }
}

/** Every file by its path below `docs`, as text. The same input gives the same bytes. */
export const generate = (version: string): ReadonlyMap<string, string> =>
  new Map(
    [
      ["asyncapi.json", asyncapi(version)] as const,
      ...Object.entries(schemas).map(([name, schema]) => [`schemas/${name}.json`, schema] as const)
    ].map(([path, json]) => [path, `${JSON.stringify(json, null, 2)}\n`])
  )
