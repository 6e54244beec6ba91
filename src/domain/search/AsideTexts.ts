/**
 * Texts that could not be embedded although others could: they are set aside, so that they delay no other text, and tried
 * again with back-off (STO8). Pure; `layers/search/ThreadIndexer` embeds them.
 *
 * The cursor of a thread stays before its first text that is set aside: after a restart it is read again.
 */
import * as Backoff from "../protocol/Backoff.ts"
import type { Instant, TopicId } from "../protocol/Ids.ts"

/** A text that is set aside: where it is in its thread, what to store, how often it failed, and when it is due. */
export interface AsideText<D> {
  readonly topic: TopicId
  readonly seq: number
  readonly draft: D
  readonly failures: number
  readonly dueAt: Instant
}

/** The texts that are set aside, by the id of their point. */
export type AsideTexts<D> = ReadonlyMap<string, AsideText<D>>

/** Milliseconds between two tries, the number of tries, and the number of texts. Beyond them a text is left out. */
export const asidePolicy = {
  backoff: { base: 2_000, cap: 3_600_000 },
  maxFailures: 16,
  maxTexts: 1_000
} as const

/** The texts after one of them failed, for the first time or again. Without it, it is left out for good. */
export const addFailure = <D>(
  texts: AsideTexts<D>,
  id: string,
  { draft, seq, topic }: Pick<AsideText<D>, "topic" | "seq" | "draft">,
  now: Instant
): AsideTexts<D> => {
  const failures = (texts.get(id)?.failures ?? 0) + 1
  const next = new Map(texts)
  next.delete(id)
  if (failures >= asidePolicy.maxFailures || next.size >= asidePolicy.maxTexts) return next
  return next.set(id, { topic, seq, draft, failures, dueAt: now + Backoff.delay(asidePolicy.backoff, failures - 1) })
}

/** The texts without this one: it was embedded, or belongs to what is read again. */
export const remove = <D>(
  texts: AsideTexts<D>,
  isRemoved: (id: string, text: AsideText<D>) => boolean
): AsideTexts<D> => new Map(Array.from(texts).filter(([id, text]) => !isRemoved(id, text)))

/** The texts to try now. */
export const dueTexts = <D>(texts: AsideTexts<D>, now: Instant): ReadonlyArray<AsideText<D>> =>
  Array.from(texts.values()).filter(({ dueAt }) => dueAt <= now)

/** When the next text is due; undefined without any. */
export const nextDueAt = <D>(texts: AsideTexts<D>): Instant | undefined =>
  texts.size === 0 ? undefined : Math.min(...Array.from(texts.values(), ({ dueAt }) => dueAt))

/** The cursor of a thread that was read up to `seq`: before its first text that is set aside. */
export const cursorOf = <D>(texts: AsideTexts<D>, topic: TopicId, seq: number): number => {
  let cursor = seq
  for (const text of texts.values()) if (text.topic === topic) cursor = Math.min(cursor, text.seq - 1)
  return cursor
}
