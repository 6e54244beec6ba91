/** An OpenAI-compatible model whose answer streams for a given time at the pace of a fast provider. */
import { Effect, type Scope } from "effect"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** Tokens of an answer per second. */
export const tokensPerSecond = 40

/** The last words of every answer. */
export const lastWords = "This is where the answer ends."

/** What each step states beside its text. */
const stepData = {
  confidence: 0.9,
  loop: false,
  reasoning: "",
  key_insights: [],
  implicit: "",
  selected_priors: [],
  reason: "",
  patterns: [],
  semantic_links: [],
  citations: []
}

const section = (n: number): string =>
  `## Part ${n}\n\nThe deck is *quiet* while the wind swings; it sings when the wind is **steady**, and \`f = 0.2 × U / d\` says ` +
  `how high. Between the third hanger and the ninth the rods move across the wind, each as far as its diameter.\n\n` +
  `- A gust of more than two seconds ends the note.\n- Rain damps it, and ice raises it.\n- A damper moves the pitch.\n\n` +
  "```ts\nconst frequency = (speed: number, diameter: number) => 0.2 * speed / diameter\n```\n\n" +
  `| Wind | Pitch |\n|---|---|\n| 8.4 m/s | 112 Hz |\n| 9.3 m/s | 118 Hz |\n\n`

/** The tokens of an answer of `seconds`, of about four characters each. */
const answerTokens = (seconds: number): ReadonlyArray<string> => {
  const wanted = Math.max(1, Math.round(seconds * tokensPerSecond))
  let text = ""
  for (let n = 1; text.length < wanted * 4; n++) text += section(n)
  return `${text.slice(0, wanted * 4)}\n\n${lastWords}`.match(/[^]{1,4}/g) ?? []
}

/** Writes one token at a time; `after` when all are written. */
const writePaced = (tokens: ReadonlyArray<string>, write: (token: string) => void, after: () => void): void => {
  const started = performance.now()
  let written = 0
  // @effect-diagnostics-next-line globalTimers:off - a handler of node:http, which no fiber runs
  const timer = setInterval(() => {
    const due = Math.min(tokens.length, Math.ceil((performance.now() - started) * tokensPerSecond / 1000))
    while (written < due) write(tokens[written++]!)
    if (written < tokens.length) return
    clearInterval(timer)
    after()
  }, 1000 / tokensPerSecond)
}

const answer = (response: ServerResponse, seconds: number): void => {
  const write = (delta: object, finish_reason: string | null) =>
    response.write(
      `data: ${
        JSON.stringify({
          id: "1",
          object: "chat.completion.chunk",
          created: 0,
          model: "stream-1",
          choices: [{ index: 0, delta, finish_reason }]
        })
      }\n\n`
    )
  response.writeHead(200, { "content-type": "text/event-stream" })
  write({ role: "assistant", content: "" }, null)
  writePaced(answerTokens(seconds), (content) => write({ content }, null), () => {
    write({ content: `\n<<<data>>>\n${JSON.stringify(stepData)}` }, null)
    write({}, "stop")
    response.end("data: [DONE]\n\n")
  })
}

/** Starts the model: its last step streams for `seconds`, each other one for one second. The settings that use it. */
export const start = (seconds: number): Effect.Effect<Readonly<Record<string, string>>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const server = createServer((request, response) => {
      let body = ""
      request.on("data", (chunk: Buffer) => (body += chunk.toString()))
      request.once("end", () => answer(response, /task step=\\?"yield/.test(body) ? seconds : 1))
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        })
    )
    const { port } = server.address() as AddressInfo
    return { CHOIR_LLM_URL: `http://127.0.0.1:${port}/v1`, CHOIR_LLM_KEY: "none", CHOIR_LLM_MODEL: "stream-1" }
  })
