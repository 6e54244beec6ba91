/**
 * Actions that become ready in any order and are taken in the order of their requests (CON2). Immutable data: an action
 * is any value, executed by the caller of `takeReady`.
 */

/** Reserved places in order; the first has the number `first`. A place is undefined until its action is ready. */
export interface Sequencer<A> {
  readonly first: number
  readonly places: ReadonlyArray<{ readonly action: A } | undefined>
}

/** A sequencer with no place reserved. */
export const empty: Sequencer<never> = { first: 0, places: [] }

/** Whether no place is reserved, so that an action may be executed at once. */
export const isEmpty = ({ places }: Sequencer<unknown>): boolean => places.length === 0

/** The number of the place that `reserve` will reserve. */
export const nextPlace = ({ first, places }: Sequencer<unknown>): number => first + places.length

/** Reserves the next place, `nextPlace` of the sequencer before. */
export const reserve = <A>({ first, places }: Sequencer<A>): Sequencer<A> => ({ first, places: [...places, undefined] })

/** CON2: makes the action of a reserved place ready. */
export const complete = <A>({ first, places }: Sequencer<A>, place: number, action: A): Sequencer<A> => ({
  first,
  places: places.with(place - first, { action })
})

/** Takes the next place with an action that is ready already. */
export const enqueue = <A>({ first, places }: Sequencer<A>, action: A): Sequencer<A> => ({
  first,
  places: [...places, { action }]
})

/** CON2: the first action and the sequencer without it; undefined while the first place has no action. */
export const takeReady = <A>(
  { first, places }: Sequencer<A>
): { readonly action: A; readonly rest: Sequencer<A> } | undefined => {
  const [head] = places
  return head === undefined ? undefined : { action: head.action, rest: { first: first + 1, places: places.slice(1) } }
}
