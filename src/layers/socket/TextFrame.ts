/** The bytes a text leaves with, made once and shared by every socket (SYN9). */

/** Room for a frame of that many bytes of payload, which are to be its last; its header is there. */
const headed = (first: number, length: number): Buffer => {
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(header + length)
  frame[0] = first
  if (header === 2) frame[1] = length
  else {
    frame[1] = header === 4 ? 126 : 127
    if (header === 4) frame.writeUInt16BE(length, 2)
    else frame.writeBigUInt64BE(BigInt(length), 2)
  }
  return frame
}

/** One unmasked, final text frame as a server sends it (RFC 6455, 5.2). */
export const textFrame = (text: string): Uint8Array => {
  const length = Buffer.byteLength(text)
  const frame = headed(0x81, length)
  // As many bytes as characters: all of it is ASCII, which is copied faster as Latin-1.
  frame.write(text, frame.length - length, length === text.length ? "latin1" : "utf8")
  return frame
}

/** A frame with these flags and opcode in front of its length and payload. */
export const frameOf = (first: number, payload: Uint8Array): Uint8Array => {
  const frame = headed(first, payload.length)
  frame.set(payload, frame.length - payload.length)
  return frame
}

/** The payload of a frame that the server made. */
export const payloadOf = (frame: Uint8Array): Uint8Array =>
  frame.subarray(frame[1]! < 126 ? 2 : frame[1] === 126 ? 4 : 10)
