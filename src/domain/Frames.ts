/**
 * The bytes and names that messages leave with: WebSocket text frames made
 * once and shared by every socket (SYN9), and ids for what the server says.
 */

const encoder = new TextEncoder()

/** One unmasked, final text frame as a server sends it (RFC 6455, 5.2). */
export const textFrame = (text: string): Uint8Array => {
  const payload = encoder.encode(text)
  const length = payload.length
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = new Uint8Array(header + length)
  frame[0] = 0x81
  if (header === 2) {
    frame[1] = length
  } else {
    const view = new DataView(frame.buffer)
    frame[1] = header === 4 ? 126 : 127
    if (header === 4) view.setUint16(2, length)
    else view.setBigUint64(2, BigInt(length))
  }
  frame.set(payload, header)
  return frame
}

/**
 * UUIDs (version 8) that count up under a prefix of nine random bytes: what the server says
 * needs names that never repeat, not names that cannot be guessed.
 */
export const counter = (random: Uint8Array): () => string => {
  const hex = Array.from(random.subarray(0, 9), (byte) => byte.toString(16).padStart(2, "0")).join("")
  const head = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}-8${hex.slice(15, 18)}-`
  let count = 0
  return () => head + (count++).toString(16).padStart(12, "0")
}
