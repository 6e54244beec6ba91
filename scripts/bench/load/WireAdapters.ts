/**
 * How the load generator talks to each server: sign-in, subscription and the frames to send. All servers send the same
 * envelope; Socket.IO puts an event name before it.
 */
import { Effect } from "effect"
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto"
import type { UserId } from "../../../src/domain/protocol/Ids.ts"
import * as Protocol from "../../../src/domain/protocol/Protocol.ts"
import * as Uuids from "../../../src/domain/protocol/Uuids.ts"
import { type FrameTemplate, makeTemplate, placeholder } from "./FrameTemplate.ts"
import { type RawWebSocketClient, request } from "./RawWebSocketClient.ts"

/** A simulated user with a key pair; the same user may connect several times. */
export interface VirtualUser {
  readonly index: number
  readonly publicKey: UserId
  readonly key: KeyObject
  /** The session token with which the next connection resumes. */
  token: string | undefined
}

/** A user with a new key. */
export const makeVirtualUser = (index: number): VirtualUser => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  const { x } = publicKey.export({ format: "jwk" })
  return {
    index,
    publicKey: x as UserId,
    key: createPrivateKey(privateKey.export({ format: "pem", type: "pkcs8" })),
    token: undefined
  }
}

/** One server's protocol. */
export interface WireAdapter {
  readonly path: string
  /** Characters before the envelope. */
  readonly envelopeOffset: number
  readonly signIn: (peer: RawWebSocketClient, member: VirtualUser) => Effect.Effect<void>
  /** Subscribes; returns the position in the topic's log as JSON, or an empty string. */
  readonly subscribe: (
    peer: RawWebSocketClient,
    member: VirtualUser,
    topic: string,
    position?: string
  ) => Effect.Effect<string>
  /** A signal with `text` characters of text. */
  readonly signalFrame: (member: VirtualUser, topic: string, text: number) => FrameTemplate
  readonly requestFrame: (member: VirtualUser) => FrameTemplate
  /** A command of the topic's kind; a signal on servers without commands. */
  readonly commandFrame: (member: VirtualUser, topic: string, type: string, payload: object) => FrameTemplate
}

const messageId = (member: VirtualUser) => `${String(member.index).padStart(8, "0")}-0000-8000-8000-0000${placeholder}`

const sampleText = "It is the pressure of the wind that makes it sing, not the cold. "

/** Sample text of a given length. */
export const makeText = (characters: number): string =>
  sampleText.repeat(Math.ceil(characters / sampleText.length)).slice(0, characters)

/** Characters of a typical message. */
export const typicalTextLength = sampleText.length

const envelope = (id: string, type: string, payload: object, topic?: string): string =>
  JSON.stringify({ id, type, payload, timestamp: 1_790_000_000_000, thread_id: topic })

const signalEnvelope = (member: VirtualUser, topic: string, text: number) =>
  envelope(messageId(member), "signal", {
    key: `cursor-${String(member.index).padStart(6, "0")}`,
    value: { n: placeholder, text: makeText(text) }
  }, topic)

const nextId = Uuids.sequentialUuids(crypto.getRandomValues(new Uint8Array(9)))

interface ReceivedMessage {
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
}

/** Parses a message of one type; undefined for others. An error or `goodbye` fails the run. */
const payloadOf = (type: string) => (text: string): ReceivedMessage["payload"] | undefined => {
  const { payload, type: actualType } = JSON.parse(text) as ReceivedMessage
  if (actualType === "error" || actualType === "goodbye") throw new Error(text)
  return actualType === type ? payload : undefined
}

const signInToChoir = Effect.fnUntraced(function*(peer: RawWebSocketClient, member: VirtualUser) {
  if (member.token !== undefined) {
    yield* request(peer, envelope(nextId(), "resume", { session_token: member.token }), payloadOf("init"))
    return
  }
  const challenge = yield* request(
    peer,
    envelope(nextId(), "connect", { public_key: member.publicKey }),
    payloadOf("challenge")
  ) as Effect.Effect<never>
  const text = Protocol.challengeSigningInput(challenge, member.publicKey)
  const signature = sign(null, Buffer.from(text), member.key).toString("base64url")
  const init = yield* request(peer, envelope(nextId(), "auth", { signature }), payloadOf("init"))
  member.token = String(init["session_token"])
})

const choirAdapter: WireAdapter = {
  path: "/ws",
  envelopeOffset: 0,
  signIn: signInToChoir,
  subscribe: (peer, _member, topic, from) =>
    request(
      peer,
      envelope(nextId(), "subscribe", from === undefined ? {} : { position: JSON.parse(from) }, topic),
      parsePosition
    ),
  signalFrame: (member, topic, text) => makeTemplate(signalEnvelope(member, topic, text)),
  requestFrame: (member) => makeTemplate(envelope(messageId(member), "heartbeat", {})),
  commandFrame: (member, topic, type, payload) => makeTemplate(envelope(messageId(member), type, payload, topic))
}

const plainAdapter: WireAdapter = {
  path: "/",
  envelopeOffset: 0,
  signIn: () => Effect.void,
  subscribe: (peer, member, topic) =>
    Effect.as(
      request(peer, envelope(nextId(), "subscribe", { public_key: member.publicKey }, topic), payloadOf("subscribed")),
      ""
    ),
  signalFrame: (member, topic, text) => makeTemplate(signalEnvelope(member, topic, text)),
  requestFrame: (member) => makeTemplate(envelope(messageId(member), "heartbeat", {})),
  commandFrame: (member, topic) => makeTemplate(signalEnvelope(member, topic, typicalTextLength))
}

const socketIoEvent = (name: string, text: string, ack = "") => `42${ack}["${name}",${text}]`

const socketIoAdapter: WireAdapter = {
  path: "/socket.io/?EIO=4&transport=websocket",
  envelopeOffset: `42["signal",`.length,
  signIn: (peer) => Effect.asVoid(request(peer, "40", (text) => text.startsWith("40") ? text : undefined)),
  subscribe: (peer, member, topic) =>
    Effect.as(
      request(
        peer,
        socketIoEvent("subscribe", envelope(nextId(), "subscribe", { public_key: member.publicKey }, topic), "0"),
        (text) => text.startsWith("43") ? text : undefined
      ),
      ""
    ),
  signalFrame: (member, topic, text) => makeTemplate(socketIoEvent("signal", signalEnvelope(member, topic, text))),
  requestFrame: (member) =>
    makeTemplate(socketIoEvent("heartbeat", envelope(messageId(member), "heartbeat", {}), `1${placeholder}`)),
  commandFrame: (member, topic) => socketIoAdapter.signalFrame(member, topic, typicalTextLength)
}

/** Creates a public thread; returns its topic id. */
export const createThread = (peer: RawWebSocketClient): Effect.Effect<string> => {
  const id = nextId()
  const text = envelope(id, "create_thread", { name: "Bench", visibility: "public" })
  return Effect.as(request(peer, text, parseReceipt), `thread:${id}`)
}

/** The command that joins a room. */
export const joinRoomMessage = (room: string): string => envelope(nextId(), "join_room", {}, room)

/** The payload of a receipt. */
export const parseReceipt = payloadOf("receipt")

/** Writes frames and waits for `count` receipts. */
export const awaitReceipts = (peer: RawWebSocketClient, bytes: Buffer, count: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    let remaining = count
    peer.onFrame = (bytes, start, end) => {
      if (parseReceipt(bytes.toString("utf8", start, end)) !== undefined && --remaining === 0) resume(Effect.void)
    }
    peer.write(bytes)
  })

/** A subscription without a position, which is answered with a snapshot. */
export const subscribeMessage = (topic: string): string => envelope(nextId(), "subscribe", {}, topic)
/** The position in a `subscribed` message, as JSON. */
export const parsePosition = (text: string): string | undefined => {
  const payload = payloadOf("subscribed")(text)
  return payload === undefined ? undefined : JSON.stringify(payload["position"])
}

/** The adapters by name. */
export const wireAdapters = { choir: choirAdapter, plain: plainAdapter, socketio: socketIoAdapter }
/** The name of an adapter. */
export type WireAdapterName = keyof typeof wireAdapters
