/** Where things are in the frames that servers send: at fixed places, since every id and key has one length. */
import { digits, number } from "./Template.ts"

const uuid = 36
const typeAt = `{"id":"`.length + uuid + `","type":"`.length
const indexAt = typeAt + `signal","payload":{"from":"`.length + 43 + `","connection":"`.length + uuid +
  `","key":"cursor-`.length
const numberAt = indexAt + 6 + `","value":{"n":"`.length
const deltaAt = typeAt + `delta","payload":{"from":`.length

/** The first character of the envelope's type. */
export const typeOf = (bytes: Buffer, base: number): string => String.fromCharCode(bytes[base + typeAt]!)

/** Who sent a signal, and which of theirs it is. */
export const sender = (bytes: Buffer, base: number): number => digits(bytes, base + indexAt, 6)
export const numberOf = (bytes: Buffer, base: number): number => digits(bytes, base + numberAt, 8)

/** How many events a delta brings. */
export const eventsIn = (bytes: Buffer, base: number): number => {
  const from = number(bytes, base + deltaAt)
  return number(bytes, base + deltaAt + String(from).length + `,"to":`.length) - from
}
