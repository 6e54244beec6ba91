/**
 * A WebSocket client with minimal overhead: a raw TCP socket, one read buffer shared by all clients, and frames that are
 * located but not decoded.
 */
import { Effect } from "effect"
import { connect, type Socket } from "node:net"
import { maskedFrame } from "./FrameTemplate.ts"

/** A frame's payload is `bytes[start, end)`; the bytes are overwritten afterwards. */
export type FrameListener = (bytes: Buffer, start: number, end: number) => void

const readBuffer = Buffer.allocUnsafe(256 * 1024)
const ignoreFrame: FrameListener = () => undefined

let connectionCount = 0

/**
 * Rotates through loopback addresses. With a single source address and thousands of ports in TIME_WAIT, the kernel's
 * search for a free port would take most of this process's time.
 */
export const nextLocalAddress = (): string => `127.0.1.${1 + connectionCount++ % 250}`

/** One connection. */
export class RawWebSocketClient {
  onFrame: FrameListener = ignoreFrame
  onClose: () => void = () => undefined
  isOpen = false
  readonly socket: Socket
  private partialFrame: Buffer | undefined
  private readonly onUpgraded: (peer: RawWebSocketClient) => void

  constructor(port: number, path: string, onUpgraded: (peer: RawWebSocketClient) => void) {
    this.onUpgraded = onUpgraded
    this.socket = connect({
      port,
      host: "127.0.0.1",
      localAddress: nextLocalAddress(),
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length) => (this.onBytes(length), true) }
    })
    this.socket.on("error", () => this.socket.destroy())
    this.socket.on("close", () => {
      this.isOpen = false
      this.onClose()
    })
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  sendText(text: string): void {
    this.socket.write(maskedFrame(text))
  }

  private onBytes(length: number): void {
    const received = readBuffer.subarray(0, length)
    const bytes = this.partialFrame === undefined ? received : Buffer.concat([this.partialFrame, received])
    this.partialFrame = undefined
    const used = this.isOpen ? this.scanFrames(bytes, 0) : this.readHandshake(bytes)
    if (used < bytes.length) this.partialFrame = Buffer.from(bytes.subarray(used))
  }

  private readHandshake(bytes: Buffer): number {
    const end = bytes.indexOf("\r\n\r\n")
    if (end < 0) return 0
    if (bytes.toString("latin1", 9, 12) !== "101") {
      this.socket.destroy()
      return bytes.length
    }
    this.isOpen = true
    this.onUpgraded(this)
    return this.scanFrames(bytes, end + 4)
  }

  /** Passes every complete text frame to `onFrame`; returns the offset of the first incomplete frame. */
  private scanFrames(bytes: Buffer, from: number): number {
    let at = from
    while (at + 2 <= bytes.length) {
      const short = bytes[at + 1]! & 0x7f
      const header = short < 126 ? 2 : short === 126 ? 4 : 10
      if (at + header > bytes.length) break
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6)
      const start = at + header
      if (start + length > bytes.length) break
      at = start + length
      const opcode = bytes[start - header]! & 0xf
      if (opcode === 1) this.onFrame(bytes, start, at)
      else if (opcode === 9) this.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]))
      else if (opcode === 8) this.socket.destroy()
    }
    return at
  }
}

/** Connects and waits for the upgrade; undefined when the connection was rejected. */
export const openConnection = (port: number, path: string): Effect.Effect<RawWebSocketClient | undefined> =>
  Effect.callback((resume) => {
    const peer = new RawWebSocketClient(port, path, (peer) => resume(Effect.succeed(peer)))
    peer.onClose = () => resume(Effect.undefined)
  })

/** Sends a text and waits, without a timeout, for the first frame that `parse` accepts. */
export const request = <A>(
  peer: RawWebSocketClient,
  text: string,
  parse: (text: string) => A | undefined
): Effect.Effect<A> =>
  Effect.callback((resume) => {
    peer.onFrame = (bytes, start, end) => {
      const reply = parse(bytes.toString("utf8", start, end))
      if (reply === undefined) return
      peer.onFrame = ignoreFrame
      resume(Effect.succeed(reply))
    }
    peer.sendText(text)
  })
