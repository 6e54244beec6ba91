/** What a raw client received of a topic, with strings in place of seals. */
import { Schema } from "effect"
import type { PublishedEvent } from "../../src/domain/protocol/Protocol.ts"
import { noOpenings, type Openings, Seal } from "../../src/domain/protocol/Seal.ts"
import type { ReceivedMessage } from "./TestUsers.ts"

const isSeal = Schema.is(Seal)

const withTexts = (value: unknown, open: Openings): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item) => withTexts(item, open))
  return isSeal(value) && Object.keys(value).length === 2
    ? open[value.c]?.[1]
    : Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withTexts(field, open)]))
}

/** The state of a `subscribed` in the mode `snapshot`. */
export const snapshotState = <S>({ payload }: Pick<ReceivedMessage, "payload">): S => {
  const { open, state } = payload["snapshot"] as { readonly state: unknown; readonly open: Openings }
  return withTexts(state, open) as S
}

/** The events of a `delta`, or of a `subscribed` in the mode `deltas`. */
export const receivedEvents = <E>({ payload }: Pick<ReceivedMessage, "payload">): ReadonlyArray<E> =>
  (payload["events"] as ReadonlyArray<PublishedEvent>).map(({ event, open }) =>
    withTexts(event, open ?? noOpenings) as E
  )
