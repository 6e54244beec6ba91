/**
 * IP addresses and ranges as text: validity, comparison, and the key that limits per address are counted by (SEC24, OPS9).
 */

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

/** The 16-bit groups of an address: two for IPv4, also if it is written as IPv6 (`::ffff:192.0.2.1`), otherwise eight. */
const parseAddress = (text: string): ReadonlyArray<number> | undefined => {
  const bytes = parseIpv4(text)
  if (bytes !== undefined) return [bytes[0]! << 8 | bytes[1]!, bytes[2]! << 8 | bytes[3]!]
  const groups = parseIpv6(text)
  return groups?.slice(0, 5).every((group) => group === 0) === true && groups[5] === 0xffff ? groups.slice(6) : groups
}

/** One spelling for all spellings of an address, that of RFC 5952, without its zone; any other text unchanged. */
export const canonicalAddress = (text: string): string => {
  const groups = parseAddress(text)
  if (groups === undefined) return text
  if (groups.length === 2) return groups.flatMap((group) => [group >> 8, group & 0xff]).join(".")
  const address = formatGroups(groups)
  const [longest = ""] = (address.match(/\b0(?::0)+\b/g) ?? []).sort((a, b) => b.length - a.length)
  return longest === "" ? address : address.replace(new RegExp(`\\b${longest}\\b`), "::").replace(/:{3,}/, "::")
}

const formatGroups = (groups: ReadonlyArray<number>): string => groups.map((group) => group.toString(16)).join(":")

/**
 * The address of a hop as proxies report it: `ip`, `ip:port`, `[ip]` or `[ip]:port`, in its one spelling. Undefined if it
 * names no address.
 */
export const reportedAddress = (hop: string): string | undefined => {
  const host = /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop
  return parseAddress(host) === undefined ? undefined : canonicalAddress(host)
}

/** The groups of a range's first address, and the bits that all of its addresses share. */
const parseRange = (text: string): { readonly first: ReadonlyArray<number>; readonly bits: number } | undefined => {
  const [address = "", prefix, ...rest] = text.split("/")
  const first = parseAddress(address)
  if (first === undefined || rest.length > 0) return undefined
  const width = first.length * 16
  if (prefix === undefined) return { first, bits: width }
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  return bits <= width && first.every((group, n) => (group & ~groupMask(bits, n)) === 0) ? { first, bits } : undefined
}

/** The bits of the `n`th group that belong to a prefix of this many bits. */
const groupMask = (bits: number, n: number): number => {
  const inGroup = Math.min(16, Math.max(0, bits - n * 16))
  return 0xffff << 16 - inGroup & 0xffff
}

/** Whether a text is an address, or a range in CIDR notation whose bits after the prefix are zero: `10.0.0.0/8`. */
export const isAddressRange = (text: string): boolean => parseRange(text) !== undefined

/** Whether an address is of a range, however either is spelled. An IPv6 range contains no IPv4 address. */
export const isInRange = (text: string, range: string): boolean => {
  const address = parseAddress(text)
  const parsed = parseRange(range)
  return address !== undefined && parsed !== undefined && address.length === parsed.first.length &&
    address.every((group, n) => (group & groupMask(parsed.bits, n)) === parsed.first[n])
}

/** SEC24: the key that connections are counted by: an IPv4 address, or the /64 network of one IPv6 customer. */
export const rateLimitKey = (text: string): string => {
  const groups = parseAddress(text)
  return groups?.length === 8 ? `${formatGroups(groups.slice(0, 4))}::/64` : canonicalAddress(text)
}

/** Whether packets to this address stay on the machine. */
export const isLoopback = (host: string): boolean => {
  const address = canonicalAddress(host)
  return host === "localhost" || address === "::1" ||
    (ipVersion(address) === 4 && address.startsWith("127."))
}
