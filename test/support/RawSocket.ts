/** A WebSocket client over plain TCP that can send any frame, including invalid ones (RFC 6455). */
import { Effect, Queue, type Scope } from "effect"
import { connect, type Socket } from "node:net"

/** A frame to send. */
export interface RawFrame {
  readonly opcode: number
  readonly payload?: Uint8Array | string
  readonly fin?: boolean
  /** The three reserved bits, RSV1 being 4. */
  readonly rsv?: number
  readonly masked?: boolean
  /** The length in the header, if it is not the payload's. */
  readonly length?: bigint
}

/** Opcodes of RFC 6455, section 5.2. */
export const textOpcode = 1
/** A binary frame. */
export const binaryOpcode = 2
/** A continuation frame. */
export const continuationOpcode = 0
/** A close frame. */
export const closeOpcode = 8
/** A ping. */
export const pingOpcode = 9
/** A pong. */
export const pongOpcode = 10

const maskingKey = Buffer.from([0x12, 0x34, 0x56, 0x78])

/** The bytes of a frame. */
export const encodeFrame = ({ fin = true, length, masked = true, opcode, payload = "", rsv = 0 }: RawFrame): Buffer => {
  const body = Buffer.from(typeof payload === "string" ? Buffer.from(payload) : payload)
  const size = length ?? BigInt(body.length)
  const head = Buffer.alloc(size < 126n ? 2 : size < 65_536n ? 4 : 10)
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = masked ? 0x80 : 0
  if (head.length === 2) head[1] |= Number(size)
  else if (head.length === 4) {
    head[1] |= 126
    head.writeUInt16BE(Number(size), 2)
  } else {
    head[1] |= 127
    head.writeBigUInt64BE(size, 2)
  }
  if (!masked) return Buffer.concat([head, body])
  for (let i = 0; i < body.length; i++) body[i]! ^= maskingKey[i % 4]!
  return Buffer.concat([head, maskingKey, body])
}

/** The payload of a close frame. */
export const closePayload = (code: number, reason: string | Uint8Array = ""): Uint8Array => {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return Buffer.concat([head, Buffer.from(reason)])
}

/** A frame from the server. */
export interface ReceivedFrame {
  readonly opcode: number
  readonly rsv: number
  readonly payload: Buffer
}

/** An upgraded connection. */
export interface RawSocket {
  readonly tcp: Socket
  /** The head of the server's answer to the upgrade. */
  readonly upgrade: string
  readonly send: (...frames: ReadonlyArray<RawFrame>) => void
  readonly nextFrame: Effect.Effect<ReceivedFrame>
  /** The code of the server's close frame: 1005 for one without, 1006 when the connection ended without a frame. */
  readonly nextCloseCode: Effect.Effect<number>
}

/** Opens a TCP connection to the server of a URL, optionally from another local address. */
export const connectTcp = (url: string, localAddress?: string): Effect.Effect<Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const { hostname, port } = new URL(url)
      const socket = connect({ host: hostname, port: Number(port), localAddress })
      socket.on("error", () => {})
      socket.once("connect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** Waits until a TCP connection is closed by either side. */
export const awaitClosed = (socket: Socket): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (socket.closed) resume(Effect.void)
    else socket.once("close", () => resume(Effect.void))
  })

/** An upgrade request. */
export const upgradeRequest = (path: string, headers: ReadonlyArray<string> = []): string =>
  [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ...headers,
    "",
    ""
  ].join("\r\n")

/** Parses all complete frames of the server; returns the remaining bytes. */
const parseFrames = (buffer: Buffer): { readonly frames: ReadonlyArray<ReceivedFrame>; readonly rest: Buffer } => {
  const frames: Array<ReceivedFrame> = []
  let rest = buffer
  while (rest.length >= 2) {
    const short = rest[1]! & 0x7f
    const head = short < 126 ? 2 : short === 126 ? 4 : 10
    if (rest.length < head) break
    const size = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2))
    if (rest.length < head + size) break
    frames.push({
      opcode: rest[0]! & 0x0f,
      rsv: rest[0]! >> 4 & 7,
      payload: Buffer.from(rest.subarray(head, head + size))
    })
    rest = rest.subarray(head + size)
  }
  return { frames, rest }
}

/** Opens a connection and upgrades it. */
export const open = Effect.fnUntraced(function*(
  url: string,
  path: string,
  options: { readonly headers?: ReadonlyArray<string>; readonly localAddress?: string } = {}
): Effect.fn.Return<RawSocket, never, Scope.Scope> {
  const socket = yield* connectTcp(url, options.localAddress)
  const received = yield* Queue.unbounded<ReceivedFrame>()
  const codes = yield* Queue.unbounded<number>()
  let rest = Buffer.alloc(0)
  const upgrade = yield* Effect.callback<string>((resume) => {
    let head: string | undefined
    socket.on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk])
      if (head === undefined) {
        const end = rest.indexOf("\r\n\r\n")
        if (end < 0) return
        head = rest.subarray(0, end).toString()
        rest = rest.subarray(end + 4)
        resume(Effect.succeed(head))
      }
      const parsed = parseFrames(rest)
      rest = Buffer.from(parsed.rest)
      for (const frame of parsed.frames) {
        if (frame.opcode !== closeOpcode) Queue.offerUnsafe(received, frame)
        else Queue.offerUnsafe(codes, frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0))
      }
    })
    socket.once("close", () => Queue.offerUnsafe(codes, 1006))
    socket.write(upgradeRequest(path, options.headers))
  })
  return {
    tcp: socket,
    upgrade,
    send: (...frames) => void socket.write(Buffer.concat(frames.map(encodeFrame))),
    nextFrame: Queue.take(received),
    nextCloseCode: Queue.take(codes)
  }
})
