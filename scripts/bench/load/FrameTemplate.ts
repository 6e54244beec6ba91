/** Precomputed masked client frames in which only a number varies; encoding a burst copies bytes and writes digits. */

const mask = [0x37, 0x1f, 0x5a, 0x6c] as const

/** A masked text frame (RFC 6455, 5.2) of at most 64 KB, with a fixed mask. */
export const maskedFrame = (text: string): Buffer => {
  const payload = Buffer.from(text)
  const header = payload.length < 126 ? 6 : 8
  const frame = Buffer.alloc(header + payload.length, Buffer.from(mask))
  frame[0] = 0x81
  if (header === 6) frame[1] = 0x80 | payload.length
  else {
    frame[1] = 0xfe
    frame.writeUInt16BE(payload.length, 2)
  }
  frame.set(mask, header - 4)
  for (let i = 0; i < payload.length; i++) frame[header + i] = payload[i]! ^ mask[i & 3]!
  return frame
}

/** Marks the places of the number in a text. */
export const placeholder = "99999999"

/** A frame with places for a number. */
export interface FrameTemplate {
  readonly frame: Buffer
  readonly header: number
  /** Offsets of the placeholders in the payload. */
  readonly digitOffsets: ReadonlyArray<number>
}

/** Requires ASCII before the last placeholder. */
export const makeTemplate = (text: string): FrameTemplate => {
  const frame = maskedFrame(text)
  const slots: Array<number> = []
  for (let at = text.indexOf(placeholder); at >= 0; at = text.indexOf(placeholder, at + 1)) slots.push(at)
  return { frame, header: frame.length - Buffer.byteLength(text), digitOffsets: slots }
}

/** `count` frames in one buffer, numbered from `first`. */
export const encodeBurst = ({ frame, header, digitOffsets }: FrameTemplate, first: number, count: number): Buffer => {
  const bytes = Buffer.allocUnsafe(frame.length * count)
  for (let i = 0; i < count; i++) {
    const base = i * frame.length
    frame.copy(bytes, base)
    for (const slot of digitOffsets) writeDigits(bytes, base + header, slot, first + i)
  }
  return bytes
}

const writeDigits = (bytes: Buffer, payload: number, slot: number, number: number): void => {
  let rest = number
  for (let i = slot + 7; i >= slot; i--) {
    bytes[payload + i] = 48 + rest % 10 ^ mask[i & 3]!
    rest = Math.floor(rest / 10)
  }
}

/** Parses `length` decimal digits at `at`. */
export const parseDigits = (bytes: Buffer, at: number, length: number): number => {
  let number = 0
  for (let i = at; i < at + length; i++) number = number * 10 + bytes[i]! - 48
  return number
}

/** Parses the digits from `at` to the first other character. */
export const parseNumber = (bytes: Buffer, at: number): number => {
  let number = 0
  for (let i = at; bytes[i]! >= 48 && bytes[i]! <= 57; i++) number = number * 10 + bytes[i]! - 48
  return number
}
