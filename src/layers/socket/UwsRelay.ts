/**
 * Plain HTTP requests that arrive at uWebSockets.js, answered by the process's
 * own HTTP server: each goes over a connection that never leaves the process,
 * so that no second port is open and every handler sees the client's address.
 */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from "node:http"
import { duplexPair } from "node:stream"
import { address, type HttpRequest, type HttpResponse } from "./UwsApi.ts"

/** What is said about one connection, and not about what it carries. */
const hop = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "expect"])

/** A response that may end before it was answered. */
interface Reply {
  readonly response: HttpResponse
  /** No more is written to a response that ended. */
  open: boolean
}

/** Answers a request with what the server says to it. */
export const relay = (server: Server) => (response: HttpResponse, asked: HttpRequest): void => {
  const reply: Reply = { response, open: true }
  const asking = ask(server, address(response.getRemoteAddress()), asked)
  response.onAborted(() => {
    reply.open = false
    asking?.destroy()
  })
  if (asking === undefined) return end(reply, () => response.writeStatus("400 Bad Request").end())
  response.onData((chunk, isLast) => {
    // Copied: the bytes are somebody else's after this callback.
    if (chunk.byteLength > 0 && !asking.write(Buffer.from(chunk.slice(0)))) {
      response.pause()
      asking.once("drain", () => reply.open && response.resume())
    }
    if (isLast) asking.end()
  })
  asking.on("response", (answered) => pass(answered, reply, asking.method === "HEAD"))
  // What has begun cannot become another answer, so it ends without its end.
  asking.on("error", () => end(reply, () => response.writeStatus("502 Bad Gateway").end(undefined, true)))
}

const end = (reply: Reply, write: () => void): void => {
  if (!reply.open) return
  reply.open = false
  reply.response.cork(write)
}

/** Puts the request to the server; undefined when it cannot be put. */
const ask = (server: Server, from: string, asked: HttpRequest): ClientRequest | undefined => {
  const headers: Record<string, Array<string>> = {}
  asked.forEach((name, value) => {
    if (!hop.has(name)) (headers[name] ??= []).push(value)
  })
  const query = asked.getQuery()
  try {
    return request({
      method: asked.getCaseSensitiveMethod(),
      path: asked.getUrl() + (query === undefined || query === "" ? "" : `?${query}`),
      headers: Object.fromEntries(Object.entries(headers).map(([name, all]) => [name, all.length > 1 ? all : all[0]])),
      createConnection: () => {
        const [near, far] = duplexPair()
        server.emit("connection", Object.assign(far, { remoteAddress: from }))
        return near
      }
    })
  } catch {
    return undefined
  }
}

const pass = (answered: IncomingMessage, reply: Reply, isHead: boolean): void => {
  const { response } = reply
  const length = answered.headers["content-length"]
  if (!reply.open) return
  response.cork(() => {
    response.writeStatus(`${answered.statusCode} ${answered.statusMessage}`)
    for (const [name, value] of lines(answered.headers)) response.writeHeader(name, value)
  })
  answered.on("data", (chunk: Buffer) => {
    if (!reply.open) return
    response.cork(() => {
      if (response.write(chunk)) return
      answered.pause()
      response.onWritable(() => {
        answered.resume()
        return true
      })
    })
  })
  answered.on(
    "end",
    () =>
      end(
        reply,
        () => isHead ? response.endWithoutBody(length === undefined ? undefined : Number(length)) : response.end()
      )
  )
}

/** The headers that are passed on. Lengths are the writer's own affair. */
const lines = (headers: IncomingHttpHeaders): ReadonlyArray<readonly [string, string]> =>
  Object.entries(headers).flatMap(([name, value]) =>
    hop.has(name) || name === "content-length" || value === undefined
      ? []
      : [value].flat().map((one) => [name, one] as const)
  )
