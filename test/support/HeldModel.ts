/** A model provider over HTTP that holds every answer until it is released, and counts the calls under way. */
import { Effect, type Scope } from "effect"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** The provider of a test. */
export interface HeldModel {
  /** The settings by which a server uses it. */
  readonly environment: Readonly<Record<string, string>>
  /** All calls so far, those that are held, and the most that were held at one time. */
  readonly calls: { total: number; held: number; mostHeld: number }
  /** Answers all held calls, and later ones at once. */
  readonly release: Effect.Effect<void>
}

const stepData =
  `{"confidence": 0.9, "loop": false, "reasoning": "", "key_insights": [], "implicit": "", "selected_priors": [],
  "reason": "", "patterns": [], "semantic_links": [], "citations": []}`
const answer = `An answer.\n<<<data>>>\n${stepData.replaceAll("\n", " ")}`

const sendAnswer = (response: ServerResponse) => {
  const write = (choice: object) =>
    response.write(
      `data: ${
        JSON.stringify({ id: "1", object: "chat.completion.chunk", created: 0, model: "held-1", choices: [choice] })
      }\n\n`
    )
  response.writeHead(200, { "content-type": "text/event-stream" })
  write({ index: 0, delta: { role: "assistant", content: answer }, finish_reason: null })
  write({ index: 0, delta: {}, finish_reason: "stop" })
  response.end("data: [DONE]\n\n")
}

/** Starts a provider on a free port. */
export const start: Effect.Effect<HeldModel, never, Scope.Scope> = Effect.gen(function*() {
  const calls = { total: 0, held: 0, mostHeld: 0 }
  const held = new Set<ServerResponse>()
  let released = false
  const server = createServer((request, response) => {
    request.resume()
    request.once("end", () => {
      calls.total += 1
      held.add(response)
      calls.held = held.size
      calls.mostHeld = Math.max(calls.mostHeld, held.size)
      response.once("close", () => {
        held.delete(response)
        calls.held = held.size
      })
      if (released) sendAnswer(response)
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )
  return {
    environment: {
      CHOIR_LLM_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
      CHOIR_LLM_KEY: "none",
      CHOIR_LLM_MODEL: "held-1"
    },
    calls,
    release: Effect.sync(() => {
      released = true
      for (const response of held) sendAnswer(response)
    })
  }
})
