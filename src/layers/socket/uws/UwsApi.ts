/**
 * The part of the API of uWebSockets.js (version 20) that is used: its own types are present only where it is
 * installed.
 */

type RecognizedString = string | ArrayBuffer | Uint8Array

/** Valid during one callback only. */
export interface HttpRequest {
  readonly getHeader: (lowerCaseName: string) => string
  readonly getUrl: () => string
  readonly getQuery: () => string | undefined
  readonly getCaseSensitiveMethod: () => string
  readonly forEach: (each: (name: string, value: string) => void) => void
}

/** Valid until it is ended or aborted. Writes after the first callback must be inside `cork`. */
export interface HttpResponse {
  readonly writeStatus: (status: string) => HttpResponse
  readonly writeHeader: (name: string, value: string) => HttpResponse
  /** False under back-pressure. */
  readonly write: (chunk: RecognizedString) => boolean
  readonly end: (body?: RecognizedString, closeConnection?: boolean) => HttpResponse
  readonly endWithoutBody: (length?: number, closeConnection?: boolean) => HttpResponse
  readonly onWritable: (handler: (offset: number) => boolean) => HttpResponse
  readonly onAborted: (handler: () => void) => HttpResponse
  /** The chunk is valid during one callback only. */
  readonly onData: (handler: (chunk: ArrayBuffer, isLast: boolean) => void) => HttpResponse
  readonly pause: () => void
  readonly resume: () => void
  readonly cork: (write: () => void) => HttpResponse
  /** Four or sixteen bytes. */
  readonly getRemoteAddress: () => ArrayBuffer
  readonly upgrade: <D>(data: D, key: string, protocol: string, extensions: string, context: unknown) => void
}

/** Throws on every use after its end. */
export interface WebSocket<D> {
  readonly send: (message: RecognizedString, isBinary?: boolean, compress?: boolean) => number
  readonly getBufferedAmount: () => number
  /** Sends a close frame; the close handler runs before it returns. */
  readonly end: (code?: number, reason?: string) => void
  /** The same without a close frame. */
  readonly close: () => void
  readonly ping: (message?: RecognizedString) => number
  readonly cork: (write: () => void) => unknown
  readonly getUserData: () => D
}

/** Settings and callbacks of a WebSocket route. */
export interface WebSocketBehavior<D> {
  readonly maxPayloadLength: number
  readonly maxBackpressure: number
  readonly idleTimeout: number
  readonly sendPingsAutomatically: boolean
  readonly compression: number
  readonly upgrade: (response: HttpResponse, request: HttpRequest, context: unknown) => void
  readonly open: (ws: WebSocket<D>) => void
  readonly message: (ws: WebSocket<D>, message: ArrayBuffer, isBinary: boolean) => void
  readonly dropped: (ws: WebSocket<D>) => void
  readonly drain: (ws: WebSocket<D>) => void
  readonly close: (ws: WebSocket<D>, code: number) => void
  readonly ping: (ws: WebSocket<D>) => void
  readonly pong: (ws: WebSocket<D>) => void
}

/** A server. */
export interface TemplatedApp {
  readonly any: (pattern: string, handler: (response: HttpResponse, request: HttpRequest) => void) => TemplatedApp
  readonly ws: <D>(pattern: string, behavior: WebSocketBehavior<D>) => TemplatedApp
  readonly listen: (host: string, port: number, options: number, done: (token: unknown) => void) => TemplatedApp
  /** Stops listening and ends all connections. */
  readonly close: () => TemplatedApp
}

/** The module. */
export interface UwsModule {
  readonly App: () => TemplatedApp
  readonly SSLApp: (files: { readonly key_file_name: string; readonly cert_file_name: string }) => TemplatedApp
  readonly us_listen_socket_close: (token: unknown) => void
  readonly us_socket_local_port: (token: unknown) => number
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number
  readonly DISABLED: number
}

/** An address as text; an IPv4-mapped IPv6 address as IPv4. */
export const formatAddress = (binary: ArrayBuffer): string => {
  const bytes = [...new Uint8Array(binary)]
  const mapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff
  if (bytes.length !== 16 || mapped) return bytes.slice(-4).join(".")
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16))
  return groups.join(":")
}
