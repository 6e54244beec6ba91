/**
 * permessage-deflate (RFC 7692) for engines over `ws` (CON9). A frame is
 * compressed once for all connections. What is compressed, and how far messages
 * may inflate, is decided in `domain/delivery/CompressionPolicy.ts`.
 */
import { constants, deflateRawSync } from "node:zlib"
import type { WebSocket } from "ws"
import * as CompressionPolicy from "../../../domain/delivery/CompressionPolicy.ts"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import { encodeFrame, framePayload } from "../../delivery/TextFrame.ts"

/**
 * A frame's bytes for connections that negotiated compression. Cached; the uncompressed bytes when they are smaller.
 */
export const deflateFrame = (frame: OutboundFrame): Uint8Array =>
  // Messages that share a frame are short, and separate frames on the wire.
  frame.deflated ??= frame.appended === undefined
    ? deflateTextFrame(SendQueue.encodeQueuedFrame(frame))
    : SendQueue.encodeQueuedFrame(frame)

/** The frame of a text, compressed if that makes it smaller. */
export const deflateTextFrame = (encoded: Uint8Array): Uint8Array => {
  const text = framePayload(encoded)
  if (!CompressionPolicy.shouldDeflate(text.length)) return encoded
  const deflated = deflateRawSync(text, { level: 1, finishFlush: constants.Z_SYNC_FLUSH })
  // Without the four bytes that end every flush; the receiver appends them (RFC 7692, 7.2.1).
  const frame = encodeFrame(compressedTextHeader, deflated.subarray(0, -4))
  return CompressionPolicy.isWorthwhile(frame.length, encoded.length) ? frame : encoded
}

/** FIN, RSV1 and opcode 1. */
const compressedTextHeader = 0xc1

/** The negotiated extension of a connection, with `ws`'s internal fields. */
interface DeflateExtension {
  readonly params: { readonly server_max_window_bits?: number }
  _maxPayload: number
  decompress: (data: Uint8Array, fin: boolean, done: (fault: Error | null, text?: Uint8Array) => void) => void
  readonly cleanup: () => void
}

/**
 * Limits what a peer's messages inflate to (SEC15); a message beyond that ends in 1009. Returns whether the peer can
 * receive frames of `deflateFrame`.
 *
 * `ws` compares the inflated size with its own limit while it inflates, but limits no ratio. So its limit is set before
 * each fragment, by the compressed size received so far; detection and rejection stay those of `ws`. The fields are
 * internal to `ws`: a test with deflate bombs covers them.
 */
export const limitInflation = (ws: WebSocket, maxPayloadBytes: number): boolean => {
  const { "permessage-deflate": extension } =
    (ws as unknown as { readonly _extensions: { readonly "permessage-deflate"?: DeflateExtension } })._extensions
  if (extension === undefined) return false
  const decompress = extension.decompress.bind(extension)
  let compressedBytes = 0
  let inflatedBytes = 0
  extension.decompress = (data, fin, done) => {
    compressedBytes += data.length
    extension._maxPayload = CompressionPolicy.remainingInflateBytes(maxPayloadBytes, compressedBytes, inflatedBytes)
    decompress(data, fin, (fault, text) => {
      inflatedBytes += text?.length ?? 0
      if (fin) {
        compressedBytes = 0
        inflatedBytes = 0
        // Frees the 40 KB of the window: this connection's next message may be a long time away.
        extension.cleanup()
      }
      done(fault, text)
    })
  }
  // A frame compressed once has a 15-bit window; a peer with a smaller one gets uncompressed frames.
  return (extension.params.server_max_window_bits ?? 15) === 15
}
