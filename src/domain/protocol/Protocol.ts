/**
 * Everything that goes over the socket, as schemas: the envelope, what clients
 * send, what the server sends (SYN1). `docs/protocol.md` says it in prose.
 *
 * A client message is either one of `Control` below, or a command of the kind
 * that its `thread_id` names: the type is the command's tag.
 */
import { Schema } from "effect"
import { Author, CommandId, Instant, Position, TopicId, UserId } from "./Ids.ts"
import { ErrorCode } from "./Rejection.ts"
import { StateHash } from "./StateHash.ts"

/** The WebSocket subprotocol. A client that offers none gets this one. */
export const subprotocol = "choir.v1.json"

const Uuid = Schema.String.check(Schema.isUUID())
const ShortName = Schema.String.check(Schema.isBetweenLength(1, 64))
const Base64Url = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,512}$/u))

/** What every message of either direction is wrapped in. `id` is a UUID chosen by the sender. */
export const Envelope = Schema.Struct({
  id: Uuid,
  type: ShortName,
  payload: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  timestamp: Instant,
  thread_id: Schema.optionalKey(TopicId),
  /** Of a command, by its author (AUT5); `SignedCommand` says over what. */
  signature: Schema.optionalKey(Base64Url)
})
export type Envelope = typeof Envelope.Type

// -- Client to server --------------------------------------------------------

/** The latest value a client wants others on a topic to see under `key`; never logged (ROO3). `null` removes it. */
const signalPayload = { key: ShortName, value: Schema.Json }

/** Messages about the connection itself; the rest of the envelope's `payload` by type. */
export const ClientControl = Schema.TaggedUnion({
  /** `in_order`: what comes behind a command that came too fast is refused with it, until that one comes again (CON7). */
  connect: { public_key: UserId, client_id: Schema.optionalKey(Uuid), in_order: Schema.optionalKey(Schema.Boolean) },
  auth: { signature: Base64Url },
  resume: {
    session_token: Base64Url,
    client_id: Schema.optionalKey(Uuid),
    in_order: Schema.optionalKey(Schema.Boolean)
  },
  /** Asks for a fresh session token before the old one ends (AUT2). */
  renew: {},
  sign_out: {},
  heartbeat: {},
  /** `topic` is in the envelope's `thread_id`. */
  subscribe: { position: Schema.optionalKey(Position) },
  unsubscribe: {},
  /** How far the client has come in `thread_id`; `matches`: how many hashes it found right since it said so last. */
  ack: { seq: Schema.Natural, matches: Schema.optionalKey(Schema.Natural) },
  /** At `seq` the client's state does not hash as the server's did (SYN7). It drops its copy and subscribes again. */
  desync: { seq: Schema.Natural, expected: StateHash, found: StateHash },
  signal: signalPayload,
  /** The threads the user may see: own ones, and public ones when `public` is set. */
  get_threads: { public: Schema.optionalKey(Schema.Boolean) },
  /** The messages of a thread, once, without subscribing. */
  get_thread: {},
  /** The signed-in user with the current balance. */
  get_user: {}
})
export type ClientControl = typeof ClientControl.Type
export const clientControlTypes: ReadonlySet<string> = new Set(Object.keys(ClientControl.cases))

// -- Server to client --------------------------------------------------------

export const User = Schema.Struct({ public_key: UserId, balance: Schema.Natural })
export type User = typeof User.Type

export const ThreadSummary = Schema.Struct({
  thread_id: TopicId,
  title: Schema.String,
  visibility: Schema.Literals(["public", "members"]),
  status: Schema.Literals(["active", "closed"]),
  co_authors: Schema.Array(Author),
  updated_at: Instant
})
export type ThreadSummary = typeof ThreadSummary.Type

/** An event as subscribers see it. `cause` is the id of the command it came from. */
export const PublishedEvent = Schema.Struct({
  seq: Schema.Natural,
  at: Instant,
  cause: CommandId,
  author: Author,
  event: Schema.Json
})
export type PublishedEvent = typeof PublishedEvent.Type

/** One connection's presence under its user (ROO2). */
export const Presence = Schema.Struct({ user: UserId, connection: Schema.String, at: Instant })
export type Presence = typeof Presence.Type

export const PublishedSignal = Schema.Struct({
  from: Author,
  connection: Schema.String,
  key: ShortName,
  value: Schema.Json
})
export type PublishedSignal = typeof PublishedSignal.Type

/** Everything the server sends; the tag is the envelope's `type`. A topic's messages carry its id in `thread_id`. */
export const ServerMessage = Schema.TaggedUnion({
  challenge: {
    nonce: Base64Url,
    audience: Schema.String,
    origin: Schema.String,
    connection_id: Schema.String,
    issued_at: Instant,
    expires_at: Instant
  },
  init: {
    user: User,
    threads: Schema.Array(ThreadSummary),
    session_token: Base64Url,
    expires_at: Instant,
    connection_id: Schema.String,
    /** Milliseconds: how often the server pings, and how long it waits. */
    ping_interval: Schema.Natural,
    pong_timeout: Schema.Natural,
    /** What answers in this server's Chorus, and whether it is the offline model. */
    chorus: Schema.Struct({ model: Schema.String, offline: Schema.Boolean })
  },
  renewed: { session_token: Base64Url, expires_at: Instant, ref_id: Schema.String },
  signed_out: { ref_id: Schema.String },
  heartbeat: { ref_id: Schema.optionalKey(Schema.String) },
  user: { user: User, ref_id: Schema.String },
  threads: { threads: Schema.Array(ThreadSummary), ref_id: Schema.String },
  thread_messages: {
    ref_id: Schema.String,
    messages: Schema.Array(Schema.Struct({ id: CommandId, author: Author, content: Schema.String, at: Instant }))
  },
  /** A command was carried out and is durable; `topic` is where it was logged, up to `seq`. */
  receipt: { ref_id: Schema.String, topic: TopicId, seq: Schema.Natural, dup: Schema.optionalKey(Schema.Boolean) },
  error: {
    ref_id: Schema.NullOr(Schema.String),
    code: ErrorCode,
    message: Schema.String,
    retryable: Schema.Boolean,
    retry_after_ms: Schema.optionalKey(Schema.Natural),
    rule: Schema.optionalKey(Schema.String)
  },
  /** The one reply to `subscribe` (SYN2): whole, or the events that were missed; `position` is where it leads. */
  subscribed: {
    ref_id: Schema.String,
    mode: Schema.Literals(["snapshot", "deltas"]),
    position: Position,
    state: Schema.optionalKey(Schema.Json),
    events: Schema.optionalKey(Schema.Array(PublishedEvent)),
    /** The hash of the state at `position`. */
    hash: Schema.optionalKey(StateHash),
    presence: Schema.Array(Presence),
    signals: Schema.Array(PublishedSignal)
  },
  unsubscribed: { ref_id: Schema.NullOr(Schema.String) },
  /** Events `from`+1 to `to` (SYN3); from time to time with the hash of the state after them (SYN7). */
  delta: {
    from: Schema.Natural,
    to: Schema.Natural,
    events: Schema.Array(PublishedEvent),
    hash: Schema.optionalKey(StateHash)
  },
  signal: PublishedSignal.fields,
  presence_diff: { joins: Schema.Array(Presence), leaves: Schema.Array(Presence) },
  /**
   * Text of a Chorus step as it is being written (CHO5): `text` goes at `offset` (in UTF-16 units) of what this
   * attempt has said so far. Not logged: the finished step arrives as an event.
   */
  chorus_response: {
    prompt_id: CommandId,
    loop: Schema.Natural,
    step: Schema.String,
    attempt: Schema.Natural,
    offset: Schema.Natural,
    text: Schema.String
  },
  /** Said before the server closes (CON6). */
  goodbye: {
    code: Schema.Natural,
    reason: Schema.String,
    resume: Schema.Boolean,
    retry_after_ms: Schema.Natural
  },
  /** Several messages that left in one turn, in order (SYN9). */
  batch: { messages: Schema.Array(Schema.Json) }
})
export type ServerMessage = typeof ServerMessage.Type
export type ServerMessageOf<T extends ServerMessage["_tag"]> = Extract<ServerMessage, { readonly _tag: T }>

/** What an envelope says besides its payload. */
export interface EnvelopeFields {
  readonly id: string
  readonly timestamp: Instant
  readonly thread_id?: TopicId | undefined
}

/** Puts a server message into its envelope, as text. */
export const encodeServerMessage = (message: ServerMessage, fields: EnvelopeFields): string => {
  const { _tag, ...payload } = message
  return encodeEnvelope(_tag, payload, fields)
}

/**
 * The same for a payload that is at hand without its tag. Ids, types and topics need no escaping, and putting the
 * texts together costs half of what encoding the whole does.
 */
export const encodeServerPayload = <T extends ServerMessage["_tag"]>(
  type: T,
  payload: Omit<ServerMessageOf<T>, "_tag">,
  fields: EnvelopeFields
): string => encodeEnvelope(type, payload, fields)

const encodeEnvelope = (type: string, payload: object, { id, thread_id, timestamp }: EnvelopeFields): string => {
  const threadIdField = thread_id === undefined ? "" : `,"thread_id":"${thread_id}"`
  return `{"id":"${id}","type":"${type}","payload":${JSON.stringify(payload)},"timestamp":${timestamp}${threadIdField}}`
}

const decodeServerPayload = Schema.decodeUnknownExit(ServerMessage)
const decodeEnvelope = Schema.decodeUnknownExit(Envelope)

/** A server message as a client reads it; undefined for a type this client does not know, which it skips. */
export const decodeServerMessage = (
  value: unknown
): { readonly envelope: Envelope; readonly message: ServerMessage } | undefined => {
  const envelope = decodeEnvelope(value)
  if (envelope._tag === "Failure") return undefined
  const message = decodeServerPayload({ ...envelope.value.payload, _tag: envelope.value.type })
  return message._tag === "Failure" ? undefined : { envelope: envelope.value, message: message.value }
}

/**
 * What a client signs to prove its key (AUT1, SEC3): every field on a line of
 * its own, after a line that no other use of the key shares. No field may hold a line break.
 */
export const challengeSigningInput = (
  challenge: Omit<ServerMessageOf<"challenge">, "_tag">,
  publicKey: UserId
): string =>
  [
    "choir/ws-auth/v1",
    challenge.audience,
    challenge.origin,
    challenge.connection_id,
    challenge.nonce,
    challenge.issued_at,
    challenge.expires_at,
    publicKey
  ].join("\n")
