import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { startCollector } from "../../support/Collector.ts"
import { socketUrl } from "../../support/InProcessServer.ts"
import * as Prerequisite from "../../support/Prerequisite.ts"
import { startServer, temporaryFolder } from "../../support/ServerProcess.ts"
import { makeTestUser, openClient, type ReceivedMessage, signIn } from "../../support/TestUsers.ts"

/** One run of a server that logs all it can, with a secret in every place where there may be one. */
const runWithSecrets = Effect.gen(function*() {
  const otlp = yield* startCollector()
  const model = yield* startCollector({ echo: true })
  const server = yield* startServer({
    data: yield* temporaryFolder,
    main: "src/main.ts",
    env: {
      CHOIR_LOG_LEVEL: "Trace",
      CHOIR_OTLP_URL: otlp.url,
      CHOIR_METRICS_TOKEN: "canary-metrics",
      CHOIR_LLM_URL: `${model.url}/v1`,
      CHOIR_LLM_KEY: "canary-llm-key",
      CHOIR_LLM_MODEL: "gone",
      CHOIR_EMBED_URL: `${model.url}/v1`,
      CHOIR_EMBED_KEY: "canary-embed-key",
      CHOIR_EMBED_MODEL: "gone"
    }
  })
  const ada = makeTestUser()
  const privateKey = ada.privateKey.export({ format: "jwk" }).d!
  const received: Array<ReceivedMessage> = []
  const client = yield* openClient(socketUrl(server.url))
  client.ws.on("message", (data) => received.push(JSON.parse(String(data)) as ReceivedMessage))
  const token = String((yield* signIn(client, ada)).payload["session_token"])

  const thread = `thread:${client.send("create_thread", { name: "canary-title" })}`
  client.send("subscribe", {}, thread)
  client.send("submit_message", { content: "canary-body" }, thread)
  client.send("submit_prompt", { prompt: "canary-prompt?" }, thread)
  // Faults are logged most readily.
  client.send("submit_message", { content: "x", private_key: privateKey }, thread)
  client.send("resume", { session_token: token })
  client.ws.send(`{"id":"canary-garbled",`)
  const second = yield* openClient(socketUrl(server.url))
  second.send("resume", { session_token: `${token}x` })
  yield* second.nextOf("error")
  second.send("auth", { signature: privateKey })
  yield* second.nextOf("error")
  while (!received.some(({ payload }) => JSON.stringify(payload).includes("RunFailed"))) yield* client.next

  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    Effect.gen(function*() {
      const response = yield* Effect.promise(() => fetch(`${server.url}${path}`, { headers }))
      return `${[...response.headers].join("\n")}\n${yield* Effect.promise(() => response.text())}`
    })
  const answers = [
    yield* get(`/?session_token=${token}`),
    yield* get(`/ws?session_token=${token}`),
    yield* get("/nowhere/canary-path", { "x-secret": token, cookie: token }),
    yield* get("/metrics", { authorization: "Bearer wrong" }),
    yield* get("/metrics", { authorization: "Bearer canary-metrics" }),
    yield* get("/metrics", { authorization: `Bearer ${token}`, "x-forwarded-for": "203.0.113.1" }),
    yield* get("/health/ready")
  ]
  const title = readFileSync(`/proc/${server.pid}/cmdline`, "utf8") + readFileSync(`/proc/${server.pid}/comm`, "utf8")
  yield* server.stop("SIGTERM")

  const receivedText = JSON.stringify(received)
  return {
    written: {
      stdout: server.stdout(),
      stderr: server.stderr(),
      otlp: otlp.dumpRequests(),
      title,
      answers: answers.join()
    },
    receivedText,
    modelWasAsked: model.dumpRequests(),
    userSecrets: [token, privateKey, "canary-body", "canary-prompt", "canary-title", "canary-garbled"],
    serverSecrets: ["canary-llm-key", "canary-embed-key", "canary-metrics"]
  }
})

Prerequisite.describeWith(Prerequisite.linux(process.platform), "canaries", () => {
  it.live("[SEC5] [SEC33] no secret and no user text appears in logs, traces, metrics or answers", () =>
    Effect.gen(function*() {
      const { modelWasAsked, serverSecrets, userSecrets, receivedText, written } = yield* runWithSecrets
      // The search itself works: it finds the texts at their legitimate receivers.
      assert.include(modelWasAsked, "canary-llm-key")
      assert.include(modelWasAsked, "canary-embed-key")
      assert.include(receivedText, "canary-body")
      assert.include(written.otlp, "RunStep.perform")
      assert.include(written.otlp, "resourceLogs")
      assert.isAbove(written.stderr.length, 100)

      for (const [where, text] of Object.entries(written)) {
        for (const secret of [...userSecrets, ...serverSecrets]) assert.notInclude(text, secret, where)
      }
      for (const secret of serverSecrets) assert.notInclude(receivedText, secret, "a client")
    }))
})
