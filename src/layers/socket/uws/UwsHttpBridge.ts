/**
 * Forwards plain HTTP requests from uWebSockets.js to the process's HTTP server,
 * over an in-process duplex stream per request: no second port is open, and every
 * handler sees the client's address.
 */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from "node:http"
import { duplexPair } from "node:stream"
import { formatAddress, type HttpRequest, type HttpResponse } from "./UwsApi.ts"

/** Headers of one connection (RFC 9110, 7.6.1), which are not forwarded. */
const hopByHopHeaders = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "expect"])

/** A response that the client may abort. */
interface BridgedResponse {
  readonly response: HttpResponse
  /** False once it was ended or aborted: writes would throw. */
  isOpen: boolean
}

/** A request handler that answers with the server's response. `isEncrypted`: whether clients use TLS. */
export const bridgeHttp =
  (server: Server, isEncrypted: boolean) => (response: HttpResponse, uwsRequest: HttpRequest): void => {
    const bridged: BridgedResponse = { response, isOpen: true }
    const client = { remoteAddress: formatAddress(response.getRemoteAddress()), encrypted: isEncrypted }
    const proxyRequest = forwardRequest(server, client, uwsRequest)
    response.onAborted(() => {
      bridged.isOpen = false
      proxyRequest?.destroy()
    })
    if (proxyRequest === undefined) return endResponse(bridged, () => response.writeStatus("400 Bad Request").end())
    response.onData((chunk, isLast) => {
      // Copied: the library reuses the buffer after this callback.
      if (chunk.byteLength > 0 && !proxyRequest.write(Buffer.from(chunk.slice(0)))) {
        response.pause()
        proxyRequest.once("drain", () => bridged.isOpen && response.resume())
      }
      if (isLast) proxyRequest.end()
    })
    proxyRequest.on("response", (proxyResponse) => pipeResponse(proxyResponse, bridged, proxyRequest.method === "HEAD"))
    // If the response has begun, it ends truncated.
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

/** Starts the forwarded request; undefined for a malformed one. */
const forwardRequest = (
  server: Server,
  client: { readonly remoteAddress: string; readonly encrypted: boolean },
  uwsRequest: HttpRequest
): ClientRequest | undefined => {
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
        server.emit("connection", Object.assign(serverSide, client))
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

/** The headers to forward. The library writes the length itself. */
const endToEndHeaders = (headers: IncomingHttpHeaders): ReadonlyArray<readonly [string, string]> =>
  Object.entries(headers).flatMap(([name, value]) =>
    hopByHopHeaders.has(name) || name === "content-length" || value === undefined
      ? []
      : [value].flat().map((item) => [name, item] as const)
  )
