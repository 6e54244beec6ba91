/** Formatting of keys, times, amounts and errors. */
import { disclaimer } from "../domain/chorus/extractive/ExtractiveModel.ts"
import type { Author } from "../domain/protocol/Ids.ts"
import { cut } from "../domain/protocol/Text.ts"

/** A short form of a key: enough to distinguish users, not to identify them. */
export const shortKey = (author: Author): string =>
  author.startsWith("system:") ? "Choir" : `${author.slice(0, 4)}…${author.slice(-4)}`

/** A hue of 0 to 359, by hash of the key. */
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

/** The time of day, with the date after 18 hours. Milliseconds since the epoch. */
export const formatTime = (at: number, now: number): string =>
  (now - at < 64_800_000 ? timeFormat : dayFormat).format(at)
/** Date and time with seconds. */
export const formatFullTime = (at: number): string => fullFormat.format(at)

const numberFormat = new Intl.NumberFormat()
/** A number with the locale's separators. */
export const formatNumber = (value: number): string => numberFormat.format(value)

/** An amount of tokens. */
export const formatTokens = (count: number): string => `${formatNumber(count)} ${count === 1 ? "token" : "tokens"}`

/** A duration in milliseconds, as milliseconds or seconds. */
export const formatDuration = (millis: number): string =>
  millis < 1000 ? `${millis} ms` : `${(millis / 1000).toFixed(millis < 10_000 ? 1 : 0)} s`

/** A share in [0, 1] as a percentage. */
export const formatPercent = (part: number): string => `${Math.round(part * 100)} %`

/** An error, or the message of one, as a sentence. */
export const formatError = (error: unknown): string => {
  const message = error instanceof Error ? error.message : error
  const text = typeof message === "string" && message !== "" ? message : "An unknown error occurred"
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`
}

/** In UTF-16 units. */
const maxSummaryLength = 160

/** The beginning of a text on one line, without code blocks and the offline model's disclaimer. */
export const summarize = (text: string): string =>
  cut(
    text.replaceAll(disclaimer, "").replace(/```[\s\S]*?```/g, "…").replace(/(^|\n)- /g, " ").replace(/\s+/g, " ")
      .trim(),
    maxSummaryLength
  )

/** The id of a message's element, for citations to scroll to. */
export const messageElementId = (id: string): string => `message-${id}`
