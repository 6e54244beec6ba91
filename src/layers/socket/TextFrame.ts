/** The bytes a text leaves with, made once and shared by every socket (SYN9). */

/** Bytes of the header in front of so many bytes of payload. */
const headerOf = (length: number): number => length < 126 ? 2 : length < 65_536 ? 4 : 10

/** Writes a header; where the payload begins. */
const putHeader = (bytes: Buffer, at: number, first: number, length: number): number => {
  const header = headerOf(length)
  bytes[at] = first
  if (header === 2) bytes[at + 1] = length
  else {
    bytes[at + 1] = header === 4 ? 126 : 127
    if (header === 4) bytes.writeUInt16BE(length, at + 2)
    else bytes.writeBigUInt64BE(BigInt(length), at + 2)
  }
  return at + header
}

/** FIN and the opcode of a text. */
const finalText = 0x81

/** Writes a frame; where the next one begins. */
const putText = (bytes: Buffer, at: number, text: string, length: number): number => {
  const start = putHeader(bytes, at, finalText, length)
  // As many bytes as characters: all of it is ASCII, which is copied faster as Latin-1.
  bytes.write(text, start, length === text.length ? "latin1" : "utf8")
  return start + length
}

/** How many bytes `textFrame` would make. */
export const frameLength = (text: string): number => {
  const length = Buffer.byteLength(text)
  return headerOf(length) + length
}

/** One unmasked, final text frame as a server sends it (RFC 6455, 5.2). */
export const textFrame = (text: string): Uint8Array => {
  const length = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(headerOf(length) + length)
  putText(bytes, 0, text, length)
  return bytes
}

/** Several, one behind the other. */
export const textFrames = (texts: ReadonlyArray<string>): Uint8Array => {
  let total = 0
  for (const text of texts) total += frameLength(text)
  const bytes = Buffer.allocUnsafe(total)
  let at = 0
  for (const text of texts) at = putText(bytes, at, text, Buffer.byteLength(text))
  return bytes
}

/** A frame with these flags and opcode in front of its length and payload. */
export const frameOf = (first: number, payload: Uint8Array): Uint8Array => {
  const frame = Buffer.allocUnsafe(headerOf(payload.length) + payload.length)
  frame.set(payload, putHeader(frame, 0, first, payload.length))
  return frame
}

/** The payload of a frame that the server made. */
export const payloadOf = (frame: Uint8Array): Uint8Array =>
  frame.subarray(frame[1]! < 126 ? 2 : frame[1] === 126 ? 4 : 10)
