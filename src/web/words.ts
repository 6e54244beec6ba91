/** How the page words things: keys, times, amounts, faults. */
import type { Author } from "../domain/Ids.ts"
import { notice } from "../domain/offline/Extract.ts"

/** Enough of a key to tell people apart. */
export const shortKey = (author: Author): string =>
  author.startsWith("system:") ? "Choir" : `${author.slice(0, 4)}…${author.slice(-4)}`

/** A hue of 0 to 359 that goes with a key. */
export const hueOf = (author: Author): number => {
  let hash = 7
  for (const char of author) hash = (hash * 31 + char.charCodeAt(0)) % 360_007
  return hash % 360
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" })
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "medium" })

export const timeOf = (at: number, now: number): string => (now - at < 64_800_000 ? clock : day).format(at)
export const fullTime = (at: number): string => full.format(at)

const whole = new Intl.NumberFormat()
export const amount = (tokens: number): string => whole.format(tokens)
export const tokens = (count: number): string => `${amount(count)} ${count === 1 ? "token" : "tokens"}`
export const duration = (millis: number): string =>
  millis < 1000 ? `${millis} ms` : `${(millis / 1000).toFixed(millis < 10_000 ? 1 : 0)} s`
export const percent = (part: number): string => `${Math.round(part * 100)} %`

/** Whatever went wrong, as a sentence. */
export const sentence = (error: unknown): string => {
  const text = error instanceof Error && error.message !== "" ? error.message : "Something went wrong"
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`
}

/** The first words of a text, on one line; what the offline model says of itself every time is left to the whole text. */
export const gist = (text: string): string =>
  text.replaceAll(notice, "").replace(/```[\s\S]*?```/g, "…").replace(/(^|\n)- /g, " ").replace(/\s+/g, " ").trim()
    .slice(0, 160)

/** What messages are called in the page, for citations to point at. */
export const anchor = (id: string): string => `piece-${id}`
