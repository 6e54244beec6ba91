/**
 * Plain HTTP requests that arrive at uWebSockets.js, answered by the process's
 * own HTTP server: each goes over a connection that never leaves the process,
 * so that no second port is open and every handler sees the client's address.
 */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from "node:http"
import { duplexPair } from "node:stream"
import { formatAddress, type HttpRequest, type HttpResponse } from "./UwsApi.ts"

/** What is said about one connection, and not about what it carries. */
const hopByHopHeaders = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "expect"])

/** A response that may end before it was answered. */
interface BridgedResponse {
  readonly response: HttpResponse
  /** No more is written to a response that ended. */
  isOpen: boolean
}

/** Answers a request with what the server says to it. */
export const bridgeHttp = (server: Server) => (response: HttpResponse, uwsRequest: HttpRequest): void => {
  const bridged: BridgedResponse = { response, isOpen: true }
  const proxyRequest = forwardRequest(server, formatAddress(response.getRemoteAddress()), uwsRequest)
  response.onAborted(() => {
    bridged.isOpen = false
    proxyRequest?.destroy()
  })
  if (proxyRequest === undefined) return endResponse(bridged, () => response.writeStatus("400 Bad Request").end())
  response.onData((chunk, isLast) => {
    // Copied: the bytes are somebody else's after this callback.
    if (chunk.byteLength > 0 && !proxyRequest.write(Buffer.from(chunk.slice(0)))) {
      response.pause()
      proxyRequest.once("drain", () => bridged.isOpen && response.resume())
    }
    if (isLast) proxyRequest.end()
  })
  proxyRequest.on("response", (proxyResponse) => pipeResponse(proxyResponse, bridged, proxyRequest.method === "HEAD"))
  // What has begun cannot become another answer, so it ends without its end.
  proxyRequest.on(
    "error",
    () => endResponse(bridged, () => response.writeStatus("502 Bad Gateway").end(undefined, true))
  )
}

const endResponse = (bridged: BridgedResponse, write: () => void): void => {
  if (!bridged.isOpen) return
  bridged.isOpen = false
  bridged.response.cork(write)
}

/** Puts the request to the server; undefined when it cannot be put. */
const forwardRequest = (server: Server, clientAddress: string, uwsRequest: HttpRequest): ClientRequest | undefined => {
  const headers: Record<string, Array<string>> = {}
  uwsRequest.forEach((name, value) => {
    if (!hopByHopHeaders.has(name)) (headers[name] ??= []).push(value)
  })
  const query = uwsRequest.getQuery()
  try {
    return request({
      method: uwsRequest.getCaseSensitiveMethod(),
      path: uwsRequest.getUrl() + (query === undefined || query === "" ? "" : `?${query}`),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, values]) => [name, values.length > 1 ? values : values[0]])
      ),
      createConnection: () => {
        const [bridgeSide, serverSide] = duplexPair()
        server.emit("connection", Object.assign(serverSide, { remoteAddress: clientAddress }))
        return bridgeSide
      }
    })
  } catch {
    return undefined
  }
}

const pipeResponse = (proxyResponse: IncomingMessage, bridged: BridgedResponse, isHead: boolean): void => {
  const { response } = bridged
  const length = proxyResponse.headers["content-length"]
  if (!bridged.isOpen) return
  response.cork(() => {
    response.writeStatus(`${proxyResponse.statusCode} ${proxyResponse.statusMessage}`)
    for (const [name, value] of endToEndHeaders(proxyResponse.headers)) response.writeHeader(name, value)
  })
  proxyResponse.on("data", (chunk: Buffer) => {
    if (!bridged.isOpen) return
    response.cork(() => {
      if (response.write(chunk)) return
      proxyResponse.pause()
      response.onWritable(() => {
        proxyResponse.resume()
        return true
      })
    })
  })
  proxyResponse.on(
    "end",
    () =>
      endResponse(
        bridged,
        () => isHead ? response.endWithoutBody(length === undefined ? undefined : Number(length)) : response.end()
      )
  )
}

/** The headers that are passed on. Lengths are the writer's own affair. */
const endToEndHeaders = (headers: IncomingHttpHeaders): ReadonlyArray<readonly [string, string]> =>
  Object.entries(headers).flatMap(([name, value]) =>
    hopByHopHeaders.has(name) || name === "content-length" || value === undefined
      ? []
      : [value].flat().map((item) => [name, item] as const)
  )
