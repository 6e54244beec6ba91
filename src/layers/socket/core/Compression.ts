/**
 * permessage-deflate (RFC 7692), for who switches it on (CON9). A frame is
 * compressed once, for all who understand it; nothing is kept between messages,
 * so that a connection costs no more memory than a plain one.
 */
import { constants, deflateRawSync } from "node:zlib"
import type { WebSocket } from "ws"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import { encodeFrame, framePayload } from "../../delivery/TextFrame.ts"

/** What `ws` agrees to. It deflates nothing itself: `packed` does. */
export const deflateOffer = { serverNoContextTakeover: true, clientNoContextTakeover: true }

/** Bytes of a text from which it is compressed. */
const minDeflateBytes = 1_024

/** Above, a text is sent as it is: level 1 takes 7 ms for 1 MiB, during which the process does nothing else. */
const maxDeflateBytes = 262_144

/** How many bytes one byte may become. */
const maxInflateRatio = 10

/** What any message may become: a short one that says the same thing over and over is no bomb. */
const minRatioCheckBytes = 4_096

/** The frame's bytes for who understands compression, made once: those of `wire` where less would not be less. */
export const deflateFrame = (frame: OutboundFrame): Uint8Array =>
  // Messages that share a frame are short ones, and frames of their own on the wire.
  frame.deflated ??= frame.appended === undefined
    ? deflateTextFrame(SendQueue.encodeFrame(frame))
    : SendQueue.encodeFrame(frame)

const deflateTextFrame = (encoded: Uint8Array): Uint8Array => {
  const text = framePayload(encoded)
  if (text.length < minDeflateBytes || text.length > maxDeflateBytes) return encoded
  const deflated = deflateRawSync(text, { level: 1, finishFlush: constants.Z_SYNC_FLUSH })
  // The end that every flush has is left out; the peer puts it back (RFC 7692, 7.2.1).
  const frame = encodeFrame(compressedTextHeader, deflated.subarray(0, -4))
  return frame.length < encoded.length ? frame : encoded
}

/** FIN, RSV1 and the opcode of a text. */
const compressedTextHeader = 0xc1

/** The negotiated extension of a connection, as `ws` has it. */
interface DeflateExtension {
  readonly params: { readonly server_max_window_bits?: number }
  _maxPayload: number
  decompress: (data: Uint8Array, fin: boolean, done: (fault: Error | null, text?: Uint8Array) => void) => void
  readonly cleanup: () => void
}

/**
 * Bounds what the peer's messages become when inflated, to `payload` bytes and ten times what was sent; more ends in
 * 1009. Says whether the peer takes `packed` frames.
 *
 * `ws` compares what it inflates with its limit while it inflates, but knows no ratio, and has no way in for one that
 * knows the compressed size. The least that does it is its own limit, moved before each fragment: what it refuses,
 * and how, stays its own. Its fields are no promise; a test with bombs holds them.
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
    // 0 would be no limit at all.
    extension._maxPayload = Math.max(
      1,
      Math.min(maxPayloadBytes, Math.max(minRatioCheckBytes, compressedBytes * maxInflateRatio)) - inflatedBytes
    )
    decompress(data, fin, (fault, text) => {
      inflatedBytes += text?.length ?? 0
      if (fin) {
        compressedBytes = 0
        inflatedBytes = 0
        // Gives the window's memory back: it is 40 KB, and the next message may come tomorrow.
        extension.cleanup()
      }
      done(fault, text)
    })
  }
  // Who has room for a smaller window only is served plain: one compression serves all others.
  return (extension.params.server_max_window_bits ?? 15) === 15
}
