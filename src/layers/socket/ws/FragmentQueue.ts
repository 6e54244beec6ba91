/**
 * Sends large messages in fragments (RFC 6455, 5.4), each when the network has taken the one before. What messages share is
 * copied a fragment at a time, so a peer that does not read costs one. Control frames pass between fragments; later
 * messages wait.
 */
import type { Duplex } from "node:stream"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import { fragments, usesFragments } from "../../delivery/SharedFrame.ts"
import { encodeFragment, partsLength } from "../../delivery/TextFrame.ts"
import type { PendingShared } from "../core/Transport.ts"

/** The frames that one connection writes in order. */
export class FragmentQueue {
  /** Bytes of all frames that were not written, without headers of fragments. */
  unsentBytes = 0
  /** Called when everything was written. */
  onEnd: (() => void) | undefined = undefined
  private readonly frames: Array<OutboundFrame> = []
  private readonly bytesOf: (frames: ReadonlyArray<OutboundFrame>) => Uint8Array
  /** The fragments of the first frame, and how many of them were written. */
  private firstFragments: ReadonlyArray<Uint8Array> = []
  private writtenCount = 0

  /** `bytesOf` encodes frames that are not sent in fragments. */
  constructor(bytesOf: (frames: ReadonlyArray<OutboundFrame>) => Uint8Array) {
    this.bytesOf = bytesOf
  }

  get isEmpty(): boolean {
    return this.frames.length === 0
  }

  /** The unsent bytes that are in memory for other connections as well. */
  get pendingShared(): PendingShared {
    const shared = this.frames.filter(usesFragments)
    const written = this.firstFragments.slice(0, this.writtenCount).reduce((sum, { length }) => sum + length, 0)
    return {
      bytes: shared.reduce((sum, { parts }) => sum + partsLength(parts), 0) - written,
      values: shared.map(({ parts }) => parts.shared)
    }
  }

  push(frames: ReadonlyArray<OutboundFrame>): void {
    for (const frame of frames) {
      this.frames.push(frame)
      this.unsentBytes += usesFragments(frame) ? partsLength(frame.parts) : this.bytesOf([frame]).length
    }
  }

  /** Writes the next fragment or frame; false when the socket's buffer is full. */
  writeNext(raw: Duplex): boolean {
    const frame = this.frames[0]
    if (frame === undefined) return true
    if (!usesFragments(frame)) {
      this.frames.shift()
      const bytes = this.bytesOf([frame])
      this.unsentBytes -= bytes.length
      return raw.write(bytes)
    }
    if (this.writtenCount === 0) this.firstFragments = fragments(frame.parts)
    const fragment = this.firstFragments[this.writtenCount]!
    this.writtenCount += 1
    this.unsentBytes -= fragment.length
    const isFirst = this.writtenCount === 1
    const isFinal = this.writtenCount === this.firstFragments.length
    if (isFinal) {
      this.frames.shift()
      this.firstFragments = []
      this.writtenCount = 0
    }
    return raw.write(encodeFragment(isFirst, isFinal, fragment))
  }
}
