/** Ids and hashes that follow from the log alone, so that doing something twice is doing it once (STO4). */
import { createHash } from "node:crypto"
import type { PublishedMessage } from "../../domain/search/PublishedMessages.ts"
import type { Payload } from "../../domain/search/VectorPoint.ts"

/** The name space of our points (RFC 9562, version 5). */
const pointNamespace = Buffer.from("6f1d5a0c8b7e4d2f9a3cc4018e52b7d6", "hex")

/** SHA-256 of a text as hex. */
export const sha256Hex = (text: string): string => createHash("sha256").update(text).digest("hex")

/** A version 5 UUID. */
export const uuidV5 = (name: string): string => {
  const bytes = createHash("sha1").update(pointNamespace).update(name).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString("hex")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")
}

/** One chunk of a text on its way to the index, still without its vector. */
export interface PointDraft {
  readonly id: string
  readonly payload: Payload
}

/** The chunks of a text as points to be. */
export const draftPoints = (
  text: PublishedMessage,
  chunks: ReadonlyArray<string>,
  embedModel: string
): ReadonlyArray<PointDraft> =>
  chunks.map((content, n) => ({
    id: uuidV5(JSON.stringify([text.thread, text.message, n])),
    payload: {
      thread: text.thread,
      message: text.message,
      author: text.author,
      content,
      content_hash: sha256Hex(content),
      visibility: text.visibility,
      log_seq: text.log_seq,
      embed_model: embedModel,
      created_at: text.created_at,
      version: text.log_seq
    }
  }))
