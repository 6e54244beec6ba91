/** Points without vectors. Ids and hashes derive from the log alone, so that indexing is idempotent (STO4). */
import { hash } from "node:crypto"
import type { PublishedMessage } from "../../domain/search/PublishedMessages.ts"
import { maxChunkCount } from "../../domain/search/TextChunker.ts"
import type { Payload } from "../../domain/search/VectorPoint.ts"
import { uuidV5 } from "../runtime/UuidV5.ts"

/** The namespace of point ids (RFC 9562, version 5). Fixed: another value would index everything a second time. */
const pointNamespace = Buffer.from("6f1d5a0c8b7e4d2f9a3cc4018e52b7d6", "hex")

/** The SHA-256 of a text, 64 hex digits. */
export const sha256Hex = (text: string): string => hash("sha256", text, "hex")

/** The id of a chunk's point: the same for the same thread, message and number of the chunk (STO4). */
export const pointId = (thread: string, message: string, chunk: number): string =>
  uuidV5(pointNamespace, JSON.stringify([thread, message, chunk]))

/** The ids that the points of a message can have whose text has `length` UTF-16 units. */
export const pointIds = (thread: string, message: string, length: number): ReadonlyArray<string> =>
  Array.from({ length: maxChunkCount(length) }, (_, n) => pointId(thread, message, n))

/** A point without its vector. */
export interface PointDraft {
  readonly id: string
  readonly payload: Payload
}

/** The points of a message's chunks. */
export const draftPoints = (
  text: PublishedMessage,
  chunks: ReadonlyArray<string>,
  embedModel: string
): ReadonlyArray<PointDraft> =>
  chunks.map((content, n) => ({
    id: pointId(text.thread, text.message, n),
    payload: {
      thread: text.thread,
      message: text.message,
      author: text.author,
      ...(text.owner === undefined ? undefined : { owner: text.owner }),
      content,
      content_hash: sha256Hex(content),
      visibility: text.visibility,
      log_seq: text.log_seq,
      text_seq: text.text_seq,
      c: text.content.c,
      embed_model: embedModel,
      created_at: text.created_at,
      version: text.log_seq
    }
  }))
