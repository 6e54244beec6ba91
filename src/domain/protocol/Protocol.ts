/**
 * Schemas of the wire protocol: the envelope, the messages of clients and the messages of the server (SYN1).
 * `docs/protocol.md` describes it in prose.
 *
 * A client message is either a `ClientControl`, or a command of the kind that its `thread_id` names; then the type is
 * the command's tag. Schemas accept finite numbers and safe integers only (SEC17), map no key of a user to a property
 * name (SEC19), and contain patterns that take linear time (SEC20).
 */
import { Schema } from "effect"
import { Hash } from "./Hash.ts"
import { Answered, Author, CommandId, Instant, Position, TopicId, UserId } from "./Ids.ts"
import { Attestation, Principal } from "./Principal.ts"
import { ErrorCode } from "./Rejection.ts"
import { Openings } from "./Seal.ts"
import { SignedCommand } from "./SignedCommand.ts"
import { StateHash } from "./StateHash.ts"

/** The WebSocket subprotocol (SYN1). It is also assumed for a client that offers none. */
export const subprotocol = "choir.v1.json"

/** In lower case only: ids are compared as texts, and another spelling of a command's id would be another command. */
const uuidPattern =
  /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|0{8}-0{4}-0{4}-0{4}-0{12}|f{8}-f{4}-f{4}-f{4}-f{12})$/u
const Uuid = Schema.String.check(Schema.isPattern(uuidPattern))
const ShortName = Schema.String.check(Schema.isBetweenLength(1, 64))
const Base64Url = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,512}$/u))

/** The envelope of every message in both directions (SYN1). `id` is a UUID in lower case, chosen by the sender. */
export const Envelope = Schema.Struct({
  id: Uuid,
  type: ShortName,
  payload: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  timestamp: Instant,
  thread_id: Schema.optionalKey(TopicId),
  /** The author's signature over a command (AUT5); `SignedCommand.signingInput` defines its input. */
  signature: Schema.optionalKey(Base64Url),
  /**
   * Random text, drawn once per command that holds text, and sent again unchanged (TOP10, SYN4): its texts are committed to
   * under salts derived from it. Without it the server draws one, and a repeat is known by its id and author alone.
   */
  salt: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{22,64}$/u)))
})
export type Envelope = typeof Envelope.Type

// -- Client to server --------------------------------------------------------

/** An ephemeral value that replaces the sender's earlier one under `key`; never logged (ROO3). `null` removes it. */
const signalPayload = { key: ShortName, value: Schema.Json }

/** The fields of a sign-in besides its proof. */
const signInFields = {
  client_id: Schema.optionalKey(Uuid),
  /** After a `rate_limited` command, later ones are rejected as well until it is accepted (CON7). */
  in_order: Schema.optionalKey(Schema.Boolean),
  /** The key acts for the owner who attests it, until it signs out (AUT8). Without it, a key acts for itself. */
  attestation: Schema.optionalKey(Attestation)
}

/** The messages of clients that are no commands to a topic; the tag is the envelope's `type`. */
export const ClientControl = Schema.TaggedUnion({
  connect: { public_key: UserId, ...signInFields },
  auth: { signature: Base64Url },
  resume: { session_token: Base64Url, ...signInFields },
  /**
   * Requests a new session token before the old one, `session_token`, expires (AUT2). Sent again by the same client
   * instance, it is answered by the same new one.
   */
  renew: { session_token: Base64Url },
  sign_out: {},
  heartbeat: {},
  /** The topic is the envelope's `thread_id`. */
  subscribe: { position: Schema.optionalKey(Position) },
  unsubscribe: {},
  /** The client has applied `thread_id` up to `seq` (SYN6); `matches`: state hashes that matched since the last ack. */
  ack: { seq: Schema.Natural, matches: Schema.optionalKey(Schema.Natural) },
  /** The client's state at `seq` has another hash than the server's (SYN7). It drops its replica and subscribes again. */
  desync: { seq: Schema.Natural, expected: StateHash, found: StateHash },
  signal: signalPayload,
  /** The threads in which the user is a co-author; with `public`, also all public ones (THR10). */
  get_threads: { public: Schema.optionalKey(Schema.Boolean) },
  /** The messages of a thread, without a subscription. */
  get_thread: {},
  /** The authenticated user with the current balance. */
  get_user: {}
})
export type ClientControl = typeof ClientControl.Type
/** The types of `ClientControl`. */
export const clientControlTypes: ReadonlySet<string> = new Set(Object.keys(ClientControl.cases))

// -- Server to client --------------------------------------------------------

/** A user with the balance of the account, in whole tokens; the owner's account for an agent (AUT8). */
export const User = Schema.Struct({ public_key: UserId, balance: Schema.Natural })
export type User = typeof User.Type

/** A thread as it appears in lists (THR10). */
export const ThreadSummary = Schema.Struct({
  thread_id: TopicId,
  /** Null if it was erased. */
  title: Schema.NullOr(Schema.String),
  visibility: Schema.Literals(["public", "members"]),
  status: Schema.Literals(["active", "closed"]),
  co_authors: Schema.Array(Author),
  updated_at: Instant
})
export type ThreadSummary = typeof ThreadSummary.Type

/**
 * An event as subscribers receive it: the fields of the log's entry (`docs/format.md`) but those that they know from the topic
 * and the event before, so that they can verify its hash, and the openings of its texts (TOP5, TOP10).
 */
export const PublishedEvent = Schema.Struct({
  seq: Schema.Natural,
  at: Instant,
  /** The command that it came from; several events may share one. */
  cause: CommandId,
  principal: Principal,
  /** The gate whose passing applied the command (THR9). */
  via: Schema.optionalKey(CommandId),
  answers: Schema.optionalKey(Answered),
  /** How many events of agents and of the Chorus lie between this one and the last of a person (THR14). */
  depth: Schema.Natural,
  /** The kind's event version at the time of writing. */
  version: Schema.Natural,
  /** The event as it was written; seals in place of texts. */
  event: Schema.Json,
  /** The hash of a user's command, on the last of its events: its id is valid for this command only (SYN4). */
  command_hash: Schema.optionalKey(StateHash),
  /** The command itself where its author signed it (AUT5), on the first of its events. */
  signature: Schema.optionalKey(SignedCommand),
  hash: Hash,
  /** Salt and text by commitment. A seal of the event without one was erased. */
  open: Schema.optionalKey(Openings)
})
export type PublishedEvent = typeof PublishedEvent.Type

/** One connection's presence under its user (ROO2). */
export const Presence = Schema.Struct({ user: UserId, connection: Schema.String, at: Instant })
export type Presence = typeof Presence.Type

/** A signal as subscribers receive it, with its sender (ROO3). */
export const PublishedSignal = Schema.Struct({
  from: Author,
  connection: Schema.String,
  key: ShortName,
  value: Schema.Json
})
export type PublishedSignal = typeof PublishedSignal.Type

/** The fields that a user signs (SEC3). One per connection at a time, consumed by the first try (SEC2). */
export const Challenge = Schema.Struct({
  nonce: Base64Url,
  audience: Schema.String,
  origin: Schema.String,
  connection_id: Schema.String,
  issued_at: Instant,
  expires_at: Instant
})
export type Challenge = typeof Challenge.Type

/** The messages of the server; the tag is the envelope's `type`. Messages of a topic carry its id in `thread_id`. */
export const ServerMessage = Schema.TaggedUnion({
  challenge: Challenge.fields,
  init: {
    user: User,
    threads: Schema.Array(ThreadSummary),
    session_token: Base64Url,
    expires_at: Instant,
    connection_id: Schema.String,
    /** Part of what commands are signed over (AUT5). */
    audience: Schema.String,
    /** Milliseconds (CON3): the silence before a ping, and the time for its pong. */
    ping_interval: Schema.Natural,
    pong_timeout: Schema.Natural,
    /** The model of this server's Chorus, and whether it is the built-in offline one (CHO12). */
    chorus: Schema.Struct({ model: Schema.String, offline: Schema.Boolean })
  },
  renewed: { session_token: Base64Url, expires_at: Instant, ref_id: Schema.String },
  signed_out: { ref_id: Schema.String },
  heartbeat: { ref_id: Schema.optionalKey(Schema.String) },
  user: { user: User, ref_id: Schema.String },
  threads: { threads: Schema.Array(ThreadSummary), ref_id: Schema.String },
  thread_messages: {
    ref_id: Schema.String,
    /** `status` and `approvals` as in the state of the thread (THR8); `content` is null if it was erased (TOP10). */
    messages: Schema.Array(Schema.Struct({
      id: CommandId,
      author: Author,
      content: Schema.NullOr(Schema.String),
      at: Instant,
      status: Schema.optionalKey(Schema.Literals(["published", "approved"])),
      approvals: Schema.optionalKey(Schema.Array(Author))
    }))
  },
  /** The command is durable (SYN5); `topic` is where it was logged, up to `seq`. `duplicate`: it had been applied before. */
  receipt: {
    ref_id: Schema.String,
    topic: TopicId,
    seq: Schema.Natural,
    duplicate: Schema.optionalKey(Schema.Boolean)
  },
  error: {
    ref_id: Schema.NullOr(Schema.String),
    code: ErrorCode,
    message: Schema.String,
    retryable: Schema.Boolean,
    retry_after_ms: Schema.optionalKey(Schema.Natural),
    rule: Schema.optionalKey(Schema.String)
  },
  /** The one reply to `subscribe` (SYN2): the state, or the missing events; both lead to `position`. */
  subscribed: {
    ref_id: Schema.String,
    mode: Schema.Literals(["snapshot", "deltas"]),
    position: Position,
    /** The state, which its kind decodes, and the openings of its texts. */
    snapshot: Schema.optionalKey(Schema.Struct({ state: Schema.Unknown, open: Openings })),
    events: Schema.optionalKey(Schema.Array(PublishedEvent)),
    /** The hash of the state at `position`. */
    hash: Schema.optionalKey(StateHash),
    /** The hash of the entry at `position`: the next event is linked to it. Empty before the first. */
    head: Schema.String,
    presence: Schema.Array(Presence),
    signals: Schema.Array(PublishedSignal)
  },
  unsubscribed: { ref_id: Schema.NullOr(Schema.String) },
  /** The events `from` + 1 to `to` (SYN3); some deltas carry the hash of the state after them (SYN7). */
  delta: {
    from: Schema.Natural,
    to: Schema.Natural,
    events: Schema.Array(PublishedEvent),
    hash: Schema.optionalKey(StateHash)
  },
  /** The title of a topic that the user may read was erased, whether they are subscribed to it or not (TOP10). */
  title_erased: {},
  signal: PublishedSignal.fields,
  presence_diff: { joins: Schema.Array(Presence), leaves: Schema.Array(Presence) },
  /**
   * Streamed text of a Chorus step (CHO5): `text` belongs at `offset` (in UTF-16 units) of the attempt's text so far, and replaces what was there.
   * Not logged: the completed step arrives as an event.
   */
  chorus_response: {
    prompt_id: CommandId,
    loop: Schema.Natural,
    step: Schema.String,
    attempt: Schema.Natural,
    offset: Schema.Natural,
    text: Schema.String
  },
  /** Sent before the server closes the connection (CON6); `resume`: the session can be resumed. */
  goodbye: {
    code: Schema.Natural,
    reason: Schema.String,
    resume: Schema.Boolean,
    retry_after_ms: Schema.Natural
  },
  /** Several messages of one turn of the event loop, in order (SYN9). */
  batch: { messages: Schema.Array(Schema.Json) }
})
export type ServerMessage = typeof ServerMessage.Type
/** The server message with this tag. */
export type ServerMessageOf<T extends ServerMessage["_tag"]> = Extract<ServerMessage, { readonly _tag: T }>

/** The fields of an envelope besides type and payload. */
export interface EnvelopeFields {
  readonly id: string
  readonly timestamp: Instant
  readonly thread_id?: TopicId | undefined
}

/** Encodes a server message with its envelope as JSON text (SYN1). */
export const encodeServerMessage = (message: ServerMessage, fields: EnvelopeFields): string => {
  const { _tag, ...payload } = message
  return encodeEnvelope(_tag, payload, fields)
}

/**
 * Encodes a payload and its type with an envelope as JSON text (SYN1). Ids, types and topics need no escaping;
 * concatenation costs half of encoding the whole envelope.
 */
export const encodeServerPayload = <T extends ServerMessage["_tag"]>(
  type: T,
  payload: Omit<ServerMessageOf<T>, "_tag">,
  fields: EnvelopeFields
): string => encodeEnvelope(type, payload, fields)

/**
 * Encodes a message up to the value of one field of its payload, and from there on. `payload` holds the other fields, at
 * least one.
 */
export const encodeEnvelopeParts = (
  type: ServerMessage["_tag"],
  payload: object,
  field: string,
  fields: EnvelopeFields
): { readonly before: string; readonly after: string } => ({
  before: `${envelopeStart(type, fields)}${JSON.stringify(payload).slice(0, -1)},"${field}":`,
  after: `}${envelopeEnd(fields)}`
})

const encodeEnvelope = (type: string, payload: object, fields: EnvelopeFields): string =>
  envelopeStart(type, fields) + JSON.stringify(payload) + envelopeEnd(fields)

const envelopeStart = (type: string, { id }: EnvelopeFields): string => `{"id":"${id}","type":"${type}","payload":`

const envelopeEnd = ({ thread_id, timestamp }: EnvelopeFields): string =>
  thread_id === undefined ? `,"timestamp":${timestamp}}` : `,"timestamp":${timestamp},"thread_id":"${thread_id}"}`

const decodeServerPayload = Schema.decodeUnknownExit(ServerMessage)

/** An envelope whose payload its message's own schema checks: snapshots are large, and read once. */
const ServerEnvelope = Schema.Struct({
  ...Envelope.fields,
  payload: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})
const decodeEnvelope = Schema.decodeUnknownExit(ServerEnvelope)

/** Decodes a server message. Undefined for an unknown type, which a client ignores. */
export const decodeServerMessage = (
  value: unknown
): { readonly envelope: typeof ServerEnvelope.Type; readonly message: ServerMessage } | undefined => {
  const envelope = decodeEnvelope(value)
  if (envelope._tag === "Failure") return undefined
  const message = decodeServerPayload({ ...envelope.value.payload, _tag: envelope.value.type })
  return message._tag === "Failure" ? undefined : { envelope: envelope.value, message: message.value }
}

/**
 * The signing input of authentication (AUT1, SEC3): a domain separator, then every field of the challenge and the key,
 * each on one line. No field contains a line break, so two challenges never share a signing input.
 */
export const challengeSigningInput = (challenge: Challenge, publicKey: UserId): string =>
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
