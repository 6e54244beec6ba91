/** How the page words things: keys, times, amounts, faults. */
import { disclaimer } from "../domain/chorus/extractive/ExtractiveModel.ts"
import type { Author } from "../domain/protocol/Ids.ts"

/** Enough of a key to tell people apart. */
export const shortKey = (author: Author): string =>
  author.startsWith("system:") ? "Choir" : `${author.slice(0, 4)}…${author.slice(-4)}`

/** A hue of 0 to 359 that goes with a key. */
export const authorHue = (author: Author): number => {
  let hash = 7
  for (const char of author) hash = (hash * 31 + char.charCodeAt(0)) % 360_007
  return hash % 360
}

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" })
const dayFormat = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit"
})
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "medium" })

export const formatTime = (at: number, now: number): string =>
  (now - at < 64_800_000 ? timeFormat : dayFormat).format(at)
export const formatFullTime = (at: number): string => fullFormat.format(at)

const numberFormat = new Intl.NumberFormat()
export const formatNumber = (tokens: number): string => numberFormat.format(tokens)
export const formatTokens = (count: number): string => `${formatNumber(count)} ${count === 1 ? "token" : "tokens"}`
export const formatDuration = (millis: number): string =>
  millis < 1000 ? `${millis} ms` : `${(millis / 1000).toFixed(millis < 10_000 ? 1 : 0)} s`
export const formatPercent = (part: number): string => `${Math.round(part * 100)} %`

/** Whatever went wrong, as a sentence. */
export const formatError = (error: unknown): string => {
  const text = error instanceof Error && error.message !== "" ? error.message : "Something went wrong"
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`
}

/** The first words of a text, on one line; what the offline model says of itself every time is left to the whole text. */
export const summarize = (text: string): string =>
  text.replaceAll(disclaimer, "").replace(/```[\s\S]*?```/g, "…").replace(/(^|\n)- /g, " ").replace(/\s+/g, " ").trim()
    .slice(0, 160)

/** What messages are called in the page, for citations to point at. */
export const messageElementId = (id: string): string => `message-${id}`
