/** How a `ws` connection is written to: past `ws`, one write for all frames of a turn (SYN9). */
import type { Duplex } from "node:stream"
import { WebSocket } from "ws"
import type { Frame } from "../../services/Frame.ts"
import * as Outbox from "./Outbox.ts"
import type { Port, Wire } from "./Wire.ts"

/** A `ws` socket that knows its connection, so that one listener of each kind serves all. */
export class PeerSocket extends WebSocket {
  port: Port | undefined
}

/** The bytes of the frames of a turn. */
export type Join = (frames: ReadonlyArray<Frame>) => Uint8Array

/** The bytes of a turn; sockets whose outboxes hold the same frames share them. */
export const joiner = (bytesOf: (frame: Frame) => Uint8Array): Join => {
  let last: { readonly frames: ReadonlyArray<Frame>; readonly bytes: Uint8Array } | undefined
  return (frames) => {
    if (frames.length === 1) return bytesOf(frames[0]!)
    if (last === undefined || !Outbox.same(last.frames, frames)) {
      // Kept for this turn only.
      if (last === undefined) setImmediate(() => last = undefined)
      last = { frames, bytes: Buffer.concat(frames.map(bytesOf)) }
    }
    return last.bytes
  }
}

/** Reads by `ws`, writes past it. */
export class WsWire implements Wire {
  readonly gathers = true
  clear = true
  private readonly ws: PeerSocket
  private readonly raw: Duplex
  private readonly bytesOf: Join

  constructor(ws: PeerSocket, raw: Duplex, bytesOf: Join) {
    this.ws = ws
    this.raw = raw
    this.bytesOf = bytesOf
  }

  write(frames: ReadonlyArray<Frame>): void {
    if (this.raw.write(this.bytesOf(frames)) || !this.clear) return
    this.clear = false
    this.raw.once("drain", () => {
      this.clear = true
      this.ws.port?.drained()
    })
  }

  unsent(): number {
    return this.raw.writableLength
  }

  taken(): number {
    return taken(this.raw)
  }

  close(code: number, reason: string): void {
    this.ws.close(code, reason)
  }

  cut(): void {
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
interface Inner {
  readonly _handle?: { readonly bytesWritten: number; readonly writeQueueSize: number } | null
  readonly _parent?: Inner | null
}

/**
 * Bytes that the kernel has taken. Of a write that it has taken in part Node tells nowhere else; its own timeouts for
 * sockets look there as well.
 */
const taken = (raw: Duplex): number => {
  const { _handle } = (raw as Inner)._parent ?? (raw as Inner)
  return _handle ? _handle.bytesWritten - _handle.writeQueueSize : 0
}
