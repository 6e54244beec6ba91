/** Reads fields of received frames at fixed offsets, without parsing: every id and key has a fixed length. */
import { parseDigits, parseNumber } from "./FrameTemplate.ts"

const uuidLength = 36
const typeOffset = `{"id":"`.length + uuidLength + `","type":"`.length
const senderOffset = typeOffset + `signal","payload":{"from":"`.length + 43 + `","connection":"`.length + uuidLength +
  `","key":"cursor-`.length
const numberOffset = senderOffset + 6 + `","value":{"n":"`.length
const deltaOffset = typeOffset + `delta","payload":{"from":`.length

/** The first character of the envelope's type. */
export const typeOf = (bytes: Buffer, base: number): string => String.fromCharCode(bytes[base + typeOffset]!)

/** The index of the sender of a signal. */
export const senderIndexOf = (bytes: Buffer, base: number): number => parseDigits(bytes, base + senderOffset, 6)
/** The number of a signal among those of its sender. */
export const messageNumberOf = (bytes: Buffer, base: number): number => parseDigits(bytes, base + numberOffset, 8)

/** Number of events in a delta. */
export const eventCountOf = (bytes: Buffer, base: number): number => {
  const from = parseNumber(bytes, base + deltaOffset)
  return parseNumber(bytes, base + deltaOffset + String(from).length + `,"to":`.length) - from
}
