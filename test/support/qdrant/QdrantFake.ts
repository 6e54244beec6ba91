/**
 * A fake Qdrant server over HTTP: it behaves as `Semantics` defines, validates every exchange against Qdrant's OpenAPI
 * document (`test/data/qdrant`), and injects faults.
 */
import { Effect, type Scope } from "effect"
import { readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { env } from "node:process"
import * as OpenApi from "./OpenApi.ts"
import * as Semantics from "./Semantics.ts"

/** A fault to inject instead of a proper answer. */
export type InjectedFault =
  | {
    readonly _tag: "Answer"
    readonly status: number
    readonly body: string
    readonly headers?: Readonly<Record<string, string>>
  }
  /** Closes the connection. */
  | { readonly _tag: "Drop" }
  /** Never answers. */
  | { readonly _tag: "Hang" }

/** A running fake: what it received, and what it is to do next. */
export interface QdrantFake {
  readonly url: string
  /** `POST /collections/…?wait=true`, in order. */
  readonly requests: ReadonlyArray<{ readonly line: string; readonly headers: IncomingMessage["headers"] }>
  /** Violations of Qdrant's OpenAPI document by either side, as sentences. */
  readonly violations: ReadonlyArray<string>
  /** Decides request by request; undefined answers properly. */
  injectFault: (line: string) => InjectedFault | undefined
  /** A collection disappears, as after a reinstallation. */
  readonly dropCollection: (collection: string) => void
}

const openApiFile = env["CHOIR_QDRANT_OPENAPI"] ?? new URL("../../data/qdrant/openapi.json", import.meta.url)

let compiledCheck: OpenApi.ExchangeCheck | undefined
const checkExchange: OpenApi.ExchangeCheck = (exchange) => {
  compiledCheck ??= OpenApi.compileCheck(JSON.parse(readFileSync(openApiFile, "utf8")))
  return compiledCheck(exchange)
}

const send = (
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {}
) => {
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(body)
}

/** Starts on a free port; a path before `/collections` is taken for a prefix. */
export const start: Effect.Effect<QdrantFake, never, Scope.Scope> = Effect.gen(function*() {
  const semantics = Semantics.make()
  const requests: Array<QdrantFake["requests"][0]> = []
  const violations: Array<string> = []
  let fake: QdrantFake

  const handleRequest = (method: string, url: string, text: string): readonly [status: number, body: unknown] => {
    const { pathname, searchParams } = new URL(url, "http://qdrant")
    const [, name = "", action = ""] = /\/collections\/([^/]+)\/?(.*)$/.exec(pathname) ?? []
    try {
      const body: unknown = text === "" ? undefined : JSON.parse(text)
      const wait = searchParams.get("wait") === "true"
      const result = semantics.handle(method, decodeURIComponent(name), action, wait, body)
      return [200, { result, status: "ok", time: 0.001 }]
    } catch (failure) {
      if (!(failure instanceof Semantics.QdrantError)) throw failure
      return [failure.status, { status: { error: failure.error }, time: 0 }]
    }
  }

  const respond = (request: IncomingMessage, response: ServerResponse, text: string) => {
    const [method, url] = [request.method ?? "", request.url ?? ""]
    const line = `${method} ${url}`
    requests.push({ line, headers: request.headers })
    const fault = fake.injectFault(line)
    switch (fault?._tag) {
      case "Drop":
        return request.socket.destroy()
      case "Hang":
        return
      case "Answer":
        return send(response, fault.status, fault.body, fault.headers)
    }
    const [status, body] = handleRequest(method, url, text)
    violations.push(...checkExchange({
      method,
      url: url.slice(Math.max(url.indexOf("/collections"), 0)),
      request: text === "" ? undefined : JSON.parse(text),
      status,
      response: body
    }))
    send(response, status, JSON.stringify(body))
  }

  const server = yield* Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((request, response) => {
        let text = ""
        request.setEncoding("utf8").on("data", (piece: string) => (text += piece))
        request.on("end", () => respond(request, response, text))
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  fake = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    violations,
    injectFault: () => undefined,
    dropCollection: (collection) => void semantics.drop(collection)
  }
  return fake
})
