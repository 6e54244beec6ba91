/** The time in the states: it stands still, so that two pictures of one state are equal. */

/** 17 March 2026, 11:00 UTC. */
const start = Date.UTC(2026, 2, 17, 11)

let now = start

/** The present of the states. */
export const fixtureNow = (): number => now

/** Lets time pass, for what a page shows only after a while. */
export const passTime = (millis: number): void => {
  now += millis
}

/** Makes the states' time the browser's. `Date.now` is the clock of the page and of its client. */
export const stopClock = (): void => {
  now = start
  Date.now = fixtureNow
}

/** In milliseconds. */
export const second = 1_000
/** In milliseconds. */
export const minute = 60 * second
/** In milliseconds. */
export const hour = 60 * minute
/** In milliseconds. */
export const day = 24 * hour
