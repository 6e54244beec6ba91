/** Writes to a `ws` connection: directly to its raw socket, in one write for all frames of a turn (SYN9). */
import type { Duplex } from "node:stream"
import { WebSocket } from "ws"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import { usesFragments } from "../../delivery/SharedFrame.ts"
import type { PendingShared, Transport, TransportEvents } from "../core/Transport.ts"
import { FragmentQueue } from "./FragmentQueue.ts"

/** A `ws` socket with a reference to its connection, so that all sockets share one listener per event. */
export class WsConnection extends WebSocket {
  transportEvents: TransportEvents | undefined
}

/** Encodes and concatenates the frames of a turn. */
export type FrameJoiner = (frames: ReadonlyArray<OutboundFrame>) => Uint8Array

/** A joiner that connections with the same frames queued share: they get the same buffer. */
export const makeFrameJoiner = (bytesOf: (frame: OutboundFrame) => Uint8Array): FrameJoiner => {
  let lastJoined: { readonly frames: ReadonlyArray<OutboundFrame>; readonly bytes: Uint8Array } | undefined
  return (frames) => {
    if (frames.length === 1) return bytesOf(frames[0]!)
    if (lastJoined === undefined || !SendQueue.hasSameFrames(lastJoined.frames, frames)) {
      // Cached for this turn only.
      if (lastJoined === undefined) setImmediate(() => lastJoined = undefined)
      lastJoined = { frames, bytes: Buffer.concat(frames.map(bytesOf)) }
    }
    return lastJoined.bytes
  }
}

/** Whether one of the frames is to be sent in fragments. A loop, because it runs once per write. */
const hasLargeFrame = (frames: ReadonlyArray<OutboundFrame>): boolean => {
  for (const frame of frames) if (usesFragments(frame)) return true
  return false
}

/** The transport of one `ws` connection. */
export class WsTransport implements Transport {
  readonly supportsBatching = true
  isDrained = true
  private readonly ws: WsConnection
  private readonly raw: Duplex
  private readonly bytesOf: FrameJoiner
  /** A frame that is being sent in fragments, and what waits behind it. */
  private fragmented: FragmentQueue | undefined = undefined

  constructor(ws: WsConnection, raw: Duplex, bytesOf: FrameJoiner) {
    this.ws = ws
    this.raw = raw
    this.bytesOf = bytesOf
  }

  write(frames: ReadonlyArray<OutboundFrame>): void {
    if (this.fragmented === undefined && !hasLargeFrame(frames)) {
      if (!this.raw.write(this.bytesOf(frames))) this.awaitDrain()
      return
    }
    this.fragmented ??= new FragmentQueue(this.bytesOf)
    this.fragmented.push(frames)
    if (this.isDrained) this.writeFragments()
  }

  private awaitDrain(): void {
    if (!this.isDrained) return
    this.isDrained = false
    this.raw.once("drain", () => {
      this.isDrained = true
      this.writeFragments()
      if (this.isDrained) this.ws.transportEvents?.onDrained()
    })
  }

  /** Writes until the socket's buffer is full. */
  private writeFragments(): void {
    while (this.fragmented !== undefined) {
      // Nothing may follow a close frame.
      const isWritable = this.ws.readyState !== WebSocket.OPEN || this.fragmented.writeNext(this.raw)
      if (this.ws.readyState !== WebSocket.OPEN || this.fragmented.isEmpty) {
        const { onEnd } = this.fragmented
        this.fragmented = undefined
        onEnd?.()
      }
      if (!isWritable) return this.awaitDrain()
    }
  }

  unsentBytes(): number {
    return this.raw.writableLength + (this.fragmented?.unsentBytes ?? 0)
  }

  get pendingShared(): PendingShared | undefined {
    return this.fragmented?.pendingShared
  }

  bytesSent(): number {
    return kernelBytesWritten(this.raw)
  }

  close(code: number, reason: string): void {
    if (this.fragmented === undefined) return this.ws.close(code, reason)
    this.fragmented.onEnd = () => this.ws.close(code, reason)
  }

  terminate(): void {
    this.ws.terminate()
  }

  ping(): void {
    this.ws.ping()
  }

  pause(): void {
    this.ws.pause()
  }

  resume(): void {
    this.ws.resume()
  }
}

/** Internal fields of Node's sockets; a TLS socket has its TCP socket as parent. */
interface NodeSocketInternals {
  readonly _handle?: { readonly bytesWritten: number; readonly writeQueueSize: number } | null
  readonly _parent?: NodeSocketInternals | null
}

/**
 * Bytes that the kernel has taken. Node exposes partial progress of a write nowhere else; its own socket timeouts read
 * the same fields.
 */
const kernelBytesWritten = (raw: Duplex): number => {
  const { _handle } = (raw as NodeSocketInternals)._parent ?? (raw as NodeSocketInternals)
  return _handle ? _handle.bytesWritten - _handle.writeQueueSize : 0
}
