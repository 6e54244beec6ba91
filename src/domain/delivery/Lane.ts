/** Delivery classes of outgoing frames, which decide the effect of back-pressure on a frame (CON8). */
import type { TopicId } from "../protocol/Ids.ts"

/** The delivery class of a frame. */
export type Lane =
  /** An answer to one request: never dropped and never replaced. */
  | { readonly _tag: "Reply" }
  /**
   * Events of a topic's log up to `seq`: may be replaced by one catch-up, never lost. `from` is the seq before the first
   * of them, from which that catch-up starts; absent in a snapshot, which only another snapshot replaces.
   */
  | { readonly _tag: "Durable"; readonly topic: TopicId; readonly seq: number; readonly from?: number }
  /** Only the latest frame per topic and key matters. */
  | { readonly _tag: "Ephemeral"; readonly topic: TopicId; readonly key: string }
  /** A piece of streamed text: may be dropped; the catch-up carries the whole text. */
  | { readonly _tag: "Stream"; readonly topic: TopicId }

/** The lane of every frame that belongs to no topic. */
export const replyLane: Lane = { _tag: "Reply" }

/** The key of ephemeral frames: a later frame replaces an earlier one of the same key. */
export const ephemeralKey = ({ key, topic }: Extract<Lane, { readonly _tag: "Ephemeral" }>): string => `${topic} ${key}`
