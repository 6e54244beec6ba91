/** The address of the page: which thread is open, and which of its messages is to be shown. */
import { Schema } from "effect"
import { kindOf, TopicId } from "../../domain/protocol/Ids.ts"

/** What the fragment of an address says. */
export interface Route {
  readonly topic: TopicId | undefined
  /** The id of a message of the thread. */
  readonly message: string | undefined
}

const isTopicId = Schema.is(TopicId)

/** The kind of the topics that have a page; the kind itself is loaded with the page. */
const kindName = "thread"

/** The home page. */
export const homeRoute: Route = { topic: undefined, message: undefined }

/** The route of a fragment such as `#thread:1/2`. What is no address of a thread is the home page. */
export const parseRoute = (fragment: string): Route => {
  const [topicText = "", ...messageTexts] = fragment.replace(/^#/, "").split("/")
  try {
    const topic = decodeURIComponent(topicText)
    const message = decodeURIComponent(messageTexts.join("/"))
    if (!isTopicId(topic) || kindOf(topic) !== kindName) return homeRoute
    return { topic, message: message === "" ? undefined : message }
  } catch {
    return homeRoute
  }
}

/**
 * The fragment of a thread, or of one of its messages. A tenant's topic has a slash, which here ends the topic. An id that
 * is no text, because it has half of a character, is no reason to fail: whoever sends a message chooses its id.
 */
export const formatRoute = (topic: TopicId, message?: string): string =>
  `#${topic.replaceAll("/", "%2F")}${message === undefined ? "" : `/${encodeURIComponent(message.toWellFormed())}`}`

/** The whole address of a thread, or of one of its messages, for others to open. */
export const threadLink = (topic: TopicId, message?: string): string =>
  `${location.origin}${location.pathname}${formatRoute(topic, message)}`
