/** Names of people and short forms of texts, which no language changes. */
import { disclaimer } from "../../domain/chorus/extractive/ExtractiveModel.ts"
import { excerpt } from "../../domain/protocol/Excerpt.ts"
import type { Author } from "../../domain/protocol/Ids.ts"

/** A short form of a key: enough to distinguish users, not to identify them. */
export const shortKey = (author: Author): string =>
  author.startsWith("system:") ? "Choir" : `${author.slice(0, 4)}…${author.slice(-4)}`

/** An error, or the message of one, as a sentence. */
export const formatError = (error: unknown): string => {
  const message = error instanceof Error ? error.message : error
  const text = typeof message === "string" && message !== "" ? message : "An unknown error occurred"
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`
}

/** In UTF-16 units. */
const maxSummaryLength = 160

/** The beginning of a text on one line, without the offline model's disclaimer. */
export const summarize = (text: string): string => excerpt(text.replaceAll(disclaimer, ""), maxSummaryLength)

/** The id of a message's element, for citations to scroll to. */
export const messageElementId = (id: string): string => `message-${id}`
