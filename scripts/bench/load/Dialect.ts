/**
 * How a load is put to each server: what signs a member in and brings it into
 * its room, what it sends, and where in a frame the load generator has to look.
 *
 * All servers send the same envelope; Socket.IO has an event name before it.
 */
import { Effect } from "effect"
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto"
import type { UserId } from "../../../src/domain/Ids.ts"
import * as Protocol from "../../../src/domain/Protocol.ts"
import * as Uuids from "../../../src/domain/Uuids.ts"
import { ask, type Peer } from "./Peer.ts"
import { make, placeholder, type Template } from "./Template.ts"

/** Somebody with a key; the same person may connect several times. */
export interface Member {
  readonly index: number
  readonly publicKey: UserId
  readonly key: KeyObject
  /** What the next connection resumes with. */
  token: string | undefined
}

export const member = (index: number): Member => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  const { x } = publicKey.export({ format: "jwk" })
  return {
    index,
    publicKey: x as UserId,
    key: createPrivateKey(privateKey.export({ format: "pem", type: "pkcs8" })),
    token: undefined
  }
}

export interface Dialect {
  readonly path: string
  /** Characters before the envelope. */
  readonly lead: number
  readonly signIn: (peer: Peer, member: Member) => Effect.Effect<void>
  /** Gives the position in the topic's log, as JSON, where there is one. */
  readonly enter: (peer: Peer, member: Member, topic: string, position?: string) => Effect.Effect<string>
  /** With so many characters of text. */
  readonly signal: (member: Member, topic: string, text: number) => Template
  readonly request: (member: Member) => Template
  /** A command of the topic's kind, for servers that have such. */
  readonly command: (member: Member, topic: string, type: string, payload: object) => Template
}

const id = (member: Member) => `${String(member.index).padStart(8, "0")}-0000-8000-8000-0000${placeholder}`

const words = "It is the pressure of the wind that makes it sing, not the cold. "

/** What people write, so to speak. */
export const prose = (characters: number): string =>
  words.repeat(Math.ceil(characters / words.length)).slice(0, characters)

/** A message of the usual length. */
export const usual = words.length

const envelope = (id: string, type: string, payload: object, topic?: string): string =>
  JSON.stringify({ id, type, payload, timestamp: 1_790_000_000_000, thread_id: topic })

const signal = (member: Member, topic: string, text: number) =>
  envelope(id(member), "signal", {
    key: `cursor-${String(member.index).padStart(6, "0")}`,
    value: { n: placeholder, text: prose(text) }
  }, topic)

const fresh = Uuids.counter(crypto.getRandomValues(new Uint8Array(9)))

interface Received {
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
}

/** The payload of the first message of a type; an error ends the run. */
const first = (type: string) => (text: string): Received["payload"] | undefined => {
  const { payload, type: found } = JSON.parse(text) as Received
  if (found === "error" || found === "goodbye") throw new Error(text)
  return found === type ? payload : undefined
}

const choirSignIn = Effect.fnUntraced(function*(peer: Peer, member: Member) {
  if (member.token !== undefined) {
    yield* ask(peer, envelope(fresh(), "resume", { session_token: member.token }), first("init"))
    return
  }
  const challenge = yield* ask(
    peer,
    envelope(fresh(), "connect", { public_key: member.publicKey }),
    first("challenge")
  ) as Effect.Effect<never>
  const text = Protocol.challengeText(challenge, member.publicKey)
  const signature = sign(null, Buffer.from(text), member.key).toString("base64url")
  const init = yield* ask(peer, envelope(fresh(), "auth", { signature }), first("init"))
  member.token = String(init["session_token"])
})

const choir: Dialect = {
  path: "/ws",
  lead: 0,
  signIn: choirSignIn,
  enter: (peer, _member, topic, from) =>
    ask(
      peer,
      envelope(fresh(), "subscribe", from === undefined ? {} : { position: JSON.parse(from) }, topic),
      position
    ),
  signal: (member, topic, text) => make(signal(member, topic, text)),
  request: (member) => make(envelope(id(member), "heartbeat", {})),
  command: (member, topic, type, payload) => make(envelope(id(member), type, payload, topic))
}

const plain: Dialect = {
  path: "/",
  lead: 0,
  signIn: () => Effect.void,
  enter: (peer, member, topic) =>
    Effect.as(
      ask(peer, envelope(fresh(), "subscribe", { public_key: member.publicKey }, topic), first("subscribed")),
      ""
    ),
  signal: (member, topic, text) => make(signal(member, topic, text)),
  request: (member) => make(envelope(id(member), "heartbeat", {})),
  command: (member, topic) => make(signal(member, topic, usual))
}

const event = (name: string, text: string, ack = "") => `42${ack}["${name}",${text}]`

const socketio: Dialect = {
  path: "/socket.io/?EIO=4&transport=websocket",
  lead: `42["signal",`.length,
  signIn: (peer) => Effect.asVoid(ask(peer, "40", (text) => text.startsWith("40") ? text : undefined)),
  enter: (peer, member, topic) =>
    Effect.as(
      ask(
        peer,
        event("subscribe", envelope(fresh(), "subscribe", { public_key: member.publicKey }, topic), "0"),
        (text) => text.startsWith("43") ? text : undefined
      ),
      ""
    ),
  signal: (member, topic, text) => make(event("signal", signal(member, topic, text))),
  request: (member) => make(event("heartbeat", envelope(id(member), "heartbeat", {}), `1${placeholder}`)),
  command: (member, topic) => socketio.signal(member, topic, usual)
}

/** Makes a public thread. */
export const createThread = (peer: Peer): Effect.Effect<string> => {
  const id = fresh()
  const text = envelope(id, "create_thread", { name: "Bench", visibility: "public" })
  return Effect.as(ask(peer, text, receipt), `thread:${id}`)
}

export const join = (room: string): string => envelope(fresh(), "join_room", {}, room)

export const receipt = first("receipt")

/** Says what `bytes` hold, and waits for so many receipts. */
export const receipts = (peer: Peer, bytes: Buffer, count: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    let left = count
    peer.onFrame = (bytes, start, end) => {
      if (receipt(bytes.toString("utf8", start, end)) !== undefined && --left === 0) resume(Effect.void)
    }
    peer.write(bytes)
  })

/** Asks for a topic as it is now, and reads where that is. */
export const look = (topic: string): string => envelope(fresh(), "subscribe", {}, topic)
export const position = (text: string): string | undefined => {
  const payload = first("subscribed")(text)
  return payload === undefined ? undefined : JSON.stringify(payload["position"])
}

export const dialects = { choir, plain, socketio }
export type Name = keyof typeof dialects
