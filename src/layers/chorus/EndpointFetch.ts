/**
 * `fetch` for OpenAI-compatible endpoints as they are: some refuse `stream_options`, some keep a connection open after the
 * answer. Redirects are not followed: the key and the prompts go to the configured address only.
 */
import { setTimeout } from "node:timers/promises"
import { isEventStream, mapBody } from "./CappedFetch.ts"
import type { LifeSigns } from "./LifeSigns.ts"

/** Milliseconds that an answer's usage is waited for after its last text. */
const usageWaitMillis = 1_000

/** As `fetch`; notifies `lifeSigns` of all that is received. Remembers whether the endpoint refused `stream_options`. */
export const makeEndpointFetch = (
  fetch: typeof globalThis.fetch,
  lifeSigns: LifeSigns
): typeof globalThis.fetch => {
  let refusesStreamOptions = false
  const send: typeof globalThis.fetch = (input, init) => {
    const withOptions = !refusesStreamOptions
    return fetch(input, { ...(withOptions ? init : withoutStreamOptions(init)), redirect: "manual" }).then(
      (response) => {
        if (!withOptions || response.status !== 400 && response.status !== 422) return response
        return response.text().then((body) => {
          if (!/stream_options|include_usage/.test(body)) return mapBody(response, () => new Blob([body]).stream())
          refusesStreamOptions = true
          return send(input, init)
        })
      }
    )
  }
  return (input, init) =>
    send(input, init).then((response) => {
      const notify = () => lifeSigns.notify(init?.signal)
      notify()
      return isEventStream(response) ? mapBody(response, (body) => endWithAnswer(body, notify)) : response
    })
}

/** The provider package writes the body as JSON. */
const withoutStreamOptions = (init: RequestInit | undefined): RequestInit => {
  if (typeof init?.body !== "string") return { ...init }
  const { stream_options: _, ...body } = JSON.parse(init.body) as Record<string, unknown>
  return { ...init, body: JSON.stringify(body) }
}

/** The event stream up to the end of the answer: `[DONE]`, or the finish chunk with the usage that follows it. */
const endWithAnswer = (
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onBytes: () => void
): ReadableStream<Uint8Array<ArrayBuffer>> => {
  const reader = body.getReader()
  const ending = new AnswerEnding()
  let usageWait: Promise<"over"> | undefined
  return new ReadableStream({
    pull: (controller) => {
      if (ending.hasFinished) usageWait ??= setTimeout(usageWaitMillis, "over" as const, { ref: false })
      const reading = reader.read()
      return (usageWait === undefined ? reading : Promise.race([reading, usageWait])).then((read) => {
        if (read !== "over" && read.value !== undefined) {
          onBytes()
          ending.receive(read.value)
          controller.enqueue(read.value)
        }
        if (read !== "over" && !read.done && !ending.isComplete) return undefined
        controller.close()
        // The connection is of no more use; whether it can be closed is of no interest.
        return reader.cancel().catch(() => undefined)
      })
    },
    cancel: (reason) => reader.cancel(reason)
  })
}

/** Finds the end of an answer in the lines of its stream. */
class AnswerEnding {
  /** The last text has been received. */
  hasFinished = false
  /** Nothing more is to come. */
  isComplete = false
  private readonly decoder = new TextDecoder()
  private line = ""

  receive(bytes: Uint8Array): void {
    const lines = this.decoder.decode(bytes, { stream: true }).split(/\r?\n/)
    lines[0] = this.line + lines[0]
    this.line = lines.pop() ?? ""
    for (const line of lines) {
      // Inside a JSON string the quotes of a field's name are escaped, so that only fields match. Some send "" for null.
      if (/"finish_reason"\s*:\s*"[^"]/.test(line)) this.hasFinished = true
      if (/^data:\s*\[DONE\]/.test(line) || this.hasFinished && /"usage"\s*:\s*\{/.test(line)) this.isComplete = true
    }
  }
}
