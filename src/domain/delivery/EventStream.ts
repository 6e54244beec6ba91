/** Server-sent events: positions as event ids, and the bound of unread text (SYN13). */
import type { Position } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"

/** SYN13: the id of an event, `<epoch>.<seq>`. */
export const formatEventId = ({ epoch, seq }: Position): string => `${epoch}.${seq}`

/** SYN13: the position in a `Last-Event-ID`; undefined for any other text, which is answered by a snapshot. */
export const parseEventId = (id: string | undefined): Position | undefined => {
  const parts = /^([^.\s]{1,64})\.(\d{1,15})$/.exec(id ?? "")
  return parts === null ? undefined : { epoch: parts[1]!, seq: Number(parts[2]) }
}

/**
 * CON8: whether a stream whose reader is too slow must end. `bufferedLength` includes the newest text, of
 * `newestLength`. The first text is exempt: a snapshot may be larger than the bound.
 */
export const isStreamOverLimit = (
  bufferedLength: number,
  newestLength: number,
  { outboxMax }: Pick<Limits, "outboxMax">
): boolean => bufferedLength > outboxMax && bufferedLength > newestLength
