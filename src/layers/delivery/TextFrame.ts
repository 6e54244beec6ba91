/** Text messages as WebSocket frames (RFC 6455, 5.2), encoded once and shared by every connection (SYN9). */

import type { SharedParts } from "../../services/OutboundFrame.ts"

/** Length of the header for a payload of `length` bytes. */
const headerLength = (length: number): number => length < 126 ? 2 : length < 65_536 ? 4 : 10

/** Writes a header; returns the offset of the payload. */
const writeHeader = (bytes: Buffer, offset: number, firstByte: number, length: number): number => {
  const header = headerLength(length)
  bytes[offset] = firstByte
  if (header === 2) bytes[offset + 1] = length
  else {
    bytes[offset + 1] = header === 4 ? 126 : 127
    if (header === 4) bytes.writeUInt16BE(length, offset + 2)
    else bytes.writeBigUInt64BE(BigInt(length), offset + 2)
  }
  return offset + header
}

/** FIN and opcode 1. */
const finalTextHeader = 0x81

/** Writes a frame; returns the offset behind it. */
const writeTextFrame = (bytes: Buffer, offset: number, text: string, length: number): number => {
  const start = writeHeader(bytes, offset, finalTextHeader, length)
  // As many bytes as code units means ASCII, which is copied faster as Latin-1.
  bytes.write(text, start, length === text.length ? "latin1" : "utf8")
  return start + length
}

/** The length of `encodeTextFrame(text)`. */
export const textFrameLength = (text: string): number => {
  const length = Buffer.byteLength(text)
  return headerLength(length) + length
}

/** One unmasked, final text frame. */
export const encodeTextFrame = (text: string): Uint8Array => {
  const length = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(headerLength(length) + length)
  writeTextFrame(bytes, 0, text, length)
  return bytes
}

/** The length of a message in parts. */
export const partsLength = ({ after, before, shared }: SharedParts): number =>
  Buffer.byteLength(before) + shared.length + Buffer.byteLength(after)

/** The length of `encodePartsFrame(parts)`. */
export const partsFrameLength = (parts: SharedParts): number => {
  const length = partsLength(parts)
  return headerLength(length) + length
}

/** One unmasked, final text frame of a message in parts: a copy. */
export const encodePartsFrame = (parts: SharedParts): Uint8Array =>
  encodeFrame(
    finalTextHeader,
    Buffer.concat([Buffer.from(parts.before), ...parts.shared.chunks, Buffer.from(parts.after)])
  )

/** Several text frames, concatenated. */
export const encodeTextFrames = (texts: ReadonlyArray<string>): Uint8Array => {
  let total = 0
  for (const text of texts) total += textFrameLength(text)
  const bytes = Buffer.allocUnsafe(total)
  let offset = 0
  for (const text of texts) offset = writeTextFrame(bytes, offset, text, Buffer.byteLength(text))
  return bytes
}

/** A frame whose first byte holds these flags and opcode. */
export const encodeFrame = (firstByte: number, payload: Uint8Array): Uint8Array => {
  const frame = Buffer.allocUnsafe(headerLength(payload.length) + payload.length)
  frame.set(payload, writeHeader(frame, 0, firstByte, payload.length))
  return frame
}

/** A fragment of a text message (RFC 6455, 5.4). */
export const encodeFragment = (isFirst: boolean, isFinal: boolean, payload: Uint8Array): Uint8Array =>
  encodeFrame((isFinal ? 0x80 : 0) | (isFirst ? 0x01 : 0), payload)

/** The payload of an unmasked frame. */
export const framePayload = (frame: Uint8Array): Uint8Array =>
  frame.subarray(frame[1]! < 126 ? 2 : frame[1] === 126 ? 4 : 10)
