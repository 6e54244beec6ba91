/**
 * A fake of uWebSockets.js that follows its documentation, on `ws` and Node's HTTP server. The engine is tested with it
 * where the library is not installed.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { type WebSocket, WebSocketServer } from "ws"
import type * as Api from "../../src/layers/socket/uws/UwsApi.ts"

const addressBytes = (address: string): ArrayBuffer =>
  new Uint8Array(address.replace(/^::ffff:/, "").split(".").map(Number)).buffer

const makeRequest = (request: IncomingMessage): Api.HttpRequest => {
  const [path = "", query] = (request.url ?? "").split("?", 2)
  return {
    getHeader: (name) => String(request.headers[name] ?? ""),
    getUrl: () => path,
    getQuery: () => query,
    getCaseSensitiveMethod: () => request.method ?? "",
    forEach: (each) => {
      for (const [name, value] of Object.entries(request.headers)) each(name, String(value))
    }
  }
}

const neverUpgraded = () => {
  throw new TypeError("not an upgrade")
}

const makeResponse = (request: IncomingMessage, response: ServerResponse): Api.HttpResponse => {
  const facade: Api.HttpResponse = {
    writeStatus: (status) => {
      response.statusCode = Number(status.slice(0, 3))
      return facade
    },
    writeHeader: (name, value) => {
      response.appendHeader(name, value)
      return facade
    },
    write: (chunk) => response.write(chunk),
    end: (body) => {
      response.end(body)
      return facade
    },
    endWithoutBody: (length) => {
      if (length !== undefined) response.setHeader("content-length", length)
      response.end()
      return facade
    },
    onWritable: (handler) => {
      response.once("drain", () => handler(0))
      return facade
    },
    onAborted: (handler) => {
      response.on("close", () => response.writableFinished || handler())
      return facade
    },
    onData: (handler) => {
      request.on("data", (chunk: Buffer) => handler(new Uint8Array(chunk).buffer, false))
      request.on("end", () => handler(new ArrayBuffer(0), true))
      return facade
    },
    pause: () => request.pause(),
    resume: () => request.resume(),
    cork: (write) => {
      write()
      return facade
    },
    getRemoteAddress: () => addressBytes(request.socket.remoteAddress ?? ""),
    upgrade: neverUpgraded
  }
  return facade
}

/** A socket that throws when it is used after its close, and reports the close synchronously. */
const attachSocket = <D>(ws: WebSocket, raw: Duplex, data: D, behavior: Api.WebSocketBehavior<D>): void => {
  let open = true
  const whenOpen = <A>(action: () => A): A => {
    if (!open) throw new TypeError("the WebSocket is closed")
    return action()
  }
  const onClosed = (code: number) => {
    if (!open) return
    open = false
    behavior.close(facade, code)
  }
  const facade: Api.WebSocket<D> = {
    send: (message) => whenOpen(() => (ws.send(new TextDecoder().decode(message as Uint8Array)), 1)),
    getBufferedAmount: () => whenOpen(() => ws.bufferedAmount),
    end: (code, reason) =>
      whenOpen(() => {
        ws.close(code, reason)
        onClosed(code ?? 1005)
      }),
    close: () =>
      whenOpen(() => {
        ws.terminate()
        onClosed(1006)
      }),
    ping: () => whenOpen(() => (ws.ping(), 1)),
    cork: (write) => whenOpen(write),
    getUserData: () => data
  }
  ws.on("error", () => {})
  ws.on("close", onClosed)
  ws.on(
    "message",
    (message: Buffer, isBinary) => open && behavior.message(facade, new Uint8Array(message).buffer, isBinary)
  )
  ws.on("ping", () => open && behavior.ping(facade))
  ws.on("pong", () => open && behavior.pong(facade))
  raw.on("drain", () => open && behavior.drain(facade))
  behavior.open(facade)
}

const makeApp = (): Api.TemplatedApp => {
  const server = createServer()
  const clients = new Set<WebSocket>()
  const facade: Api.TemplatedApp = {
    any: (_, handler) => {
      server.on("request", (request, response) => handler(makeResponse(request, response), makeRequest(request)))
      return facade
    },
    ws: <D>(pattern: string, behavior: Api.WebSocketBehavior<D>) => {
      const wss = new WebSocketServer({
        noServer: true,
        maxPayload: behavior.maxPayloadLength,
        clientTracking: false,
        handleProtocols: (offered) => [...offered][0] ?? false
      })
      server.on("upgrade", (request: IncomingMessage, raw: Duplex, head: Buffer) => {
        const uwsRequest = makeRequest(request)
        if (uwsRequest.getUrl() !== pattern) return void raw.end("HTTP/1.1 404 Not Found\r\n\r\n")
        let status = ""
        const response: Api.HttpResponse = {
          ...makeResponse(request, Object.create(null) as ServerResponse),
          writeStatus: (line) => {
            status = line
            return response
          },
          end: () => {
            raw.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`)
            return response
          },
          upgrade: (data) =>
            wss.handleUpgrade(request, raw, head, (ws) => {
              clients.add(ws)
              attachSocket(ws, raw, data as unknown as D, behavior)
            })
        }
        behavior.upgrade(response, uwsRequest, undefined)
      })
      return facade
    },
    listen: (host, port, _options, done) => {
      server.once("error", () => done(false))
      server.listen(port, host, () => done(server))
      return facade
    },
    close: () => {
      server.close()
      server.closeAllConnections()
      for (const ws of clients) ws.terminate()
      return facade
    }
  }
  return facade
}

/** The fake module; its listen tokens are Node servers. */
export const uwsFake: Api.UwsModule = {
  App: makeApp,
  SSLApp: makeApp,
  us_listen_socket_close: (token) => void (token as ReturnType<typeof createServer>).close(),
  us_socket_local_port: (token) => ((token as ReturnType<typeof createServer>).address() as AddressInfo).port,
  LIBUS_LISTEN_EXCLUSIVE_PORT: 1,
  DISABLED: 0
}
