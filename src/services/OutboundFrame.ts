/**
 * One outgoing message, encoded once for all its receivers (SYN9). Types only:
 * batching is in `layers/delivery/FrameBatch.ts`, the queue in `SendQueue.ts`.
 */
import type { Lane } from "../domain/delivery/Lane.ts"

/** A JSON value as UTF-8, encoded once for all messages that contain it; in chunks that split no character. */
export interface EncodedJson {
  readonly chunks: ReadonlyArray<Uint8Array>
  /** Bytes of all chunks. */
  readonly length: number
}

/** A message around a JSON value that many messages contain, such as the state of a topic. */
export interface SharedParts {
  readonly before: string
  readonly shared: EncodedJson
  readonly after: string
}

/** A message on its way to any number of connections. Mutable fields are caches that all receivers share. */
export interface OutboundFrame {
  readonly text: string
  readonly lane: Lane
  /** `text` in parts, of which one is in memory once for all frames that contain it. Undefined for most frames. */
  readonly parts?: SharedParts
  /** Messages of the same lane that were appended, in order. Complete once the frame is closed. */
  appended?: Array<string>
  /** The batch that this frame is the open frame of, until it is closed. */
  batch?: FrameBatch
  /** The queue `[this]`, shared by all connections that have nothing else queued. */
  singleton?: Array<OutboundFrame>
  /** Bytes of the first message as a WebSocket frame. */
  firstMessageBytes?: number
  /** The WebSocket frame bytes of all messages. */
  encoded?: Uint8Array
  /** The same with permessage-deflate, for connections that negotiated it. */
  deflated?: Uint8Array
}

/** The open frame of one topic, to which messages can be appended: it is the last one in every subscriber's queue. */
export interface FrameBatch {
  openFrame: OutboundFrame | undefined
  /** UTF-16 code units of all its messages. */
  length: number
}
