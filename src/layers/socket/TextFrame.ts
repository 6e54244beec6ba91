/** The bytes a text leaves with, made once and shared by every socket (SYN9). */

/** One unmasked, final text frame as a server sends it (RFC 6455, 5.2). */
export const textFrame = (text: string): Uint8Array => {
  const length = Buffer.byteLength(text)
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(header + length)
  frame[0] = 0x81
  if (header === 2) frame[1] = length
  else {
    frame[1] = header === 4 ? 126 : 127
    if (header === 4) frame.writeUInt16BE(length, 2)
    else frame.writeBigUInt64BE(BigInt(length), 2)
  }
  // As many bytes as characters: all of it is ASCII, which is copied faster as Latin-1.
  frame.write(text, header, length === text.length ? "latin1" : "utf8")
  return frame
}
