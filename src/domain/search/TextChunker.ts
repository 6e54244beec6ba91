/** Long text in pieces that are small enough to embed, cut where it hurts least. Each is contained in the text word for word. */

/** A piece holds at most this many UTF-16 units. */
export const maxChunkLength = 1500

/** Where to cut, best first: after a paragraph, a line, a sentence, a word. */
const boundaries = [/\n\s*\n/g, /\n/g, /[.!?…。]\s/g, /\s/g]

/** The text in order, without the white space between pieces; none for a blank text. */
export const splitIntoChunks = (text: string, limit: number = maxChunkLength): ReadonlyArray<string> => {
  const chunks: Array<string> = []
  let rest = text.trim()
  while (rest.length > limit) {
    const at = findBoundary(rest, limit)
    chunks.push(rest.slice(0, at).trimEnd())
    rest = rest.slice(at).trimStart()
  }
  return rest === "" ? chunks : [...chunks, rest]
}

/** A place of 1 to `limit`. A seam in the first third is passed over for a finer one further on. */
const findBoundary = (text: string, limit: number): number => {
  const window = text.slice(0, limit)
  for (const boundary of boundaries) {
    const last = Array.from(window.matchAll(boundary)).at(-1)
    const at = last === undefined ? 0 : last.index + last[0].length
    if (at > limit / 3) return at
  }
  const unit = text.charCodeAt(limit - 1)
  const splitsPair = unit >= 0xd800 && unit < 0xdc00
  return splitsPair && limit > 1 ? limit - 1 : limit
}
