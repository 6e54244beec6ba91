/** How a `ws` connection is written to: past `ws`, one write for all frames of a turn (SYN9). */
import type { Duplex } from "node:stream"
import { WebSocket } from "ws"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import type { Transport, TransportEvents } from "../core/Transport.ts"

/** A `ws` socket that knows its connection, so that one listener of each kind serves all. */
export class WsConnection extends WebSocket {
  transportEvents: TransportEvents | undefined
}

/** The bytes of the frames of a turn. */
export type FrameJoiner = (frames: ReadonlyArray<OutboundFrame>) => Uint8Array

/** The bytes of a turn; sockets whose outboxes hold the same frames share them. */
export const makeFrameJoiner = (bytesOf: (frame: OutboundFrame) => Uint8Array): FrameJoiner => {
  let lastJoined: { readonly frames: ReadonlyArray<OutboundFrame>; readonly bytes: Uint8Array } | undefined
  return (frames) => {
    if (frames.length === 1) return bytesOf(frames[0]!)
    if (lastJoined === undefined || !SendQueue.hasSameFrames(lastJoined.frames, frames)) {
      // Kept for this turn only.
      if (lastJoined === undefined) setImmediate(() => lastJoined = undefined)
      lastJoined = { frames, bytes: Buffer.concat(frames.map(bytesOf)) }
    }
    return lastJoined.bytes
  }
}

/** Reads by `ws`, writes past it. */
export class WsTransport implements Transport {
  readonly supportsBatching = true
  isDrained = true
  private readonly ws: WsConnection
  private readonly raw: Duplex
  private readonly bytesOf: FrameJoiner

  constructor(ws: WsConnection, raw: Duplex, bytesOf: FrameJoiner) {
    this.ws = ws
    this.raw = raw
    this.bytesOf = bytesOf
  }

  write(frames: ReadonlyArray<OutboundFrame>): void {
    if (this.raw.write(this.bytesOf(frames)) || !this.isDrained) return
    this.isDrained = false
    this.raw.once("drain", () => {
      this.isDrained = true
      this.ws.transportEvents?.onDrained()
    })
  }

  unsentBytes(): number {
    return this.raw.writableLength
  }

  bytesSent(): number {
    return kernelBytesWritten(this.raw)
  }

  close(code: number, reason: string): void {
    this.ws.close(code, reason)
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

/** What Node's sockets keep to themselves; those with TLS stand on another. */
interface NodeSocketInternals {
  readonly _handle?: { readonly bytesWritten: number; readonly writeQueueSize: number } | null
  readonly _parent?: NodeSocketInternals | null
}

/**
 * Bytes that the kernel has taken. Of a write that it has taken in part Node tells nowhere else; its own timeouts for
 * sockets look there as well.
 */
const kernelBytesWritten = (raw: Duplex): number => {
  const { _handle } = (raw as NodeSocketInternals)._parent ?? (raw as NodeSocketInternals)
  return _handle ? _handle.bytesWritten - _handle.writeQueueSize : 0
}
