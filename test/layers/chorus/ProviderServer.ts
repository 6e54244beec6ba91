/** An HTTP server on loopback that answers as a model's provider does, where a mock is too well-behaved. */
import { Effect } from "effect"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Record<string, unknown>
}

/** Answers requests with `respond`. `requests` are those so far, `url` ends in `/v1`. */
export const start = Effect.fnUntraced(
  function*(respond: (response: ServerResponse, request: ReceivedRequest) => void) {
    const requests: Array<ReceivedRequest> = []
    const http = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk)).on("end", () => {
        const received = {
          path: request.url ?? "",
          headers: request.headers,
          body: JSON.parse(body || "{}") as Record<string, unknown>
        }
        requests.push(received)
        respond(response, received)
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void http.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.sync(() => {
          http.closeAllConnections()
          http.close()
        })
    )
    const address = http.address()
    return { requests, url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/v1` }
  }
)

/** Answers with JSON, or with a text as it is. */
export const sendJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {}
): void =>
  void response.writeHead(status, { "content-type": "application/json", ...headers })
    .end(typeof body === "string" ? body : JSON.stringify(body))

/** Begins an event stream with these events; the connection stays open. */
export const sendEvents = (response: ServerResponse, ...events: ReadonlyArray<unknown>): void => {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" })
  for (const event of events) {
    response.write(typeof event === "string" ? event : `data: ${JSON.stringify(event)}\n\n`)
  }
}

const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "m",
  choices: [{ index: 0, delta, logprobs: null, finish_reason }]
})

/** The chunks of an answer, in pieces of a few characters. */
export const textChunks = (text: string): ReadonlyArray<unknown> => [
  chunk({ role: "assistant", content: "" }),
  ...(text.match(/[^]{1,9}/g) ?? []).map((content) => chunk({ content }))
]

/** The chunk behind the last text. */
export const finishChunk = chunk({}, "stop")

/** The usage of a whole answer, as a chunk of its own. */
export const usageChunk = {
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "m",
  choices: [],
  usage: { prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 }
}
