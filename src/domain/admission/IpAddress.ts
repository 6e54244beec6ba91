/** IP addresses as text: validity, comparison, and the key that limits per address are counted by (SEC24, OPS9). */

/** The eight 16-bit groups of an IPv6 address, or undefined. A zone (`%eth0`) is ignored. */
const parseIpv6 = (text: string): ReadonlyArray<number> | undefined => {
  const halves = text.replace(/%[^\s%]+$/, "").split("::")
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half, n) => parseGroups(half, n === halves.length - 1))
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined
  if (tail === undefined) return head.length === 8 ? head : undefined
  const zeros = 8 - head.length - tail.length
  return zeros < 1 ? undefined : [...head, ...Array<number>(zeros).fill(0), ...tail]
}

/** Groups between colons; the last of an address may be a dotted IPv4 address, which is two groups. */
const parseGroups = (text: string, isLast: boolean): ReadonlyArray<number> | undefined => {
  if (text === "") return []
  const groups: Array<number> = []
  const parts = text.split(":")
  for (const [n, part] of parts.entries()) {
    const bytes = isLast && n === parts.length - 1 ? parseIpv4(part) : undefined
    if (bytes !== undefined) groups.push(bytes[0]! << 8 | bytes[1]!, bytes[2]! << 8 | bytes[3]!)
    else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}

/** The four bytes of a dotted IPv4 address, or undefined. */
const parseIpv4 = (text: string): ReadonlyArray<number> | undefined => {
  const parts = text.split(".")
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
    ? parts.map(Number)
    : undefined
}

/** 4, 6, or 0 for a text that is no IP address. */
export const ipVersion = (text: string): 0 | 4 | 6 =>
  parseIpv4(text) !== undefined ? 4 : parseIpv6(text) !== undefined ? 6 : 0

/** An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`), as IPv4; any other text unchanged. */
export const unmapIpv4 = (text: string): string => {
  if (!text.includes(":")) return text
  const groups = parseIpv6(text)
  if (groups === undefined || groups.slice(0, 5).some((group) => group !== 0) || groups[5] !== 0xffff) return text
  return [groups[6]! >> 8, groups[6]! & 0xff, groups[7]! >> 8, groups[7]! & 0xff].join(".")
}

/** One spelling for all spellings of an address, for comparison; any other text unchanged. */
export const canonicalAddress = (text: string): string => {
  const address = unmapIpv4(text)
  const groups = address.includes(":") ? parseIpv6(address) : undefined
  return groups === undefined ? address : groups.map((group) => group.toString(16)).join(":")
}

/** SEC24: the key that connections are counted by: an IPv4 address, or the /64 network of one IPv6 customer. */
export const rateLimitKey = (text: string): string => {
  const address = canonicalAddress(text)
  return address.includes(":") ? `${address.split(":", 4).join(":")}::/64` : address
}

/** Whether packets to this address stay on the machine. */
export const isLoopback = (host: string): boolean => {
  const address = canonicalAddress(host)
  return host === "localhost" || address === "0:0:0:0:0:0:0:1" ||
    (ipVersion(address) === 4 && address.startsWith("127."))
}
