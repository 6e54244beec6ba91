/** Formats without a language; each leaves with its last user. */
import type { Author } from "../../domain/protocol/Ids.ts"
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
