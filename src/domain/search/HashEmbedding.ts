/**
 * The built-in embedder: feature hashing of words and their character trigrams. It measures spelling, not meaning.
 *
 * The same text gives the same vector on every machine. A change of the features requires a new `modelName`, so that
 * stored vectors are computed again.
 */
import { Result, Schema } from "effect"
import * as Tokenizer from "../chorus/extractive/Tokenizer.ts"

/** The number of components of a vector. */
export const dimensions = 384

/** The version of the features; stored with every vector. */
export const modelName = "hash-384-v1"

/** STO8: the text has no features. It is an error, not a zero vector. */
export class EmptyText extends Schema.TaggedError<EmptyText>()("EmptyText", {}) {
  override get message() {
    return "there is no text to embed"
  }
}

/** The vector of a text, of length 1 (STO8). */
export const embed = (text: string): Result.Result<Array<number>, EmptyText> => {
  const counts = new Map<string, number>()
  const addFeature = (feature: string, weight: number) => counts.set(feature, (counts.get(feature) ?? 0) + weight)
  for (const word of featureWords(text)) {
    // Stop words count where there is nothing else.
    const weight = Tokenizer.stopWords.has(word) ? 0.05 : 1
    addFeature(`w:${Tokenizer.stem(word)}`, weight)
    const padded = `^${word}$`
    for (let i = 0; i + 3 <= padded.length; i++) addFeature(`t:${padded.slice(i, i + 3)}`, weight * 0.2)
  }
  const vector = Array.from({ length: dimensions }, () => 0)
  for (const [feature, weight] of counts) {
    const hash = fnv1a(feature)
    const component = hash % dimensions
    // Sublinear in the number of occurrences.
    vector[component] = (vector[component] ?? 0) +
      (hash & 0x8000_0000 ? -1 : 1) * (weight > 1 ? 1 + Math.log(weight) : weight)
  }
  const norm = Math.hypot(...vector)
  return norm > 1e-9 ? Result.succeed(vector.map((x) => x / norm)) : Result.fail(new EmptyText())
}

/** The words of a text, or its characters if it has no letters and digits. */
const featureWords = (text: string): ReadonlyArray<string> => {
  const words = Tokenizer.tokenize(text)
  return words.length > 0 ? words : [...text.replaceAll(/\s+/g, "")]
}

const fnv1a = (text: string): number => {
  let hash = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193)
  // FNV's high bits are poorly mixed for short texts; the sign and the component depend on them.
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b_3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
