/**
 * Tokenizes text for the hashing embedder and BM25: Unicode letters and digits, identifiers split, English endings
 * removed, English stop words known. Deterministic: stored vectors depend on it.
 */

/** English words without a meaning of their own. */
export const stopWords: ReadonlySet<string> = new Set(
  (`a an the and or but nor so yet if then else when while of at by for with about between into through during before
after above below to from up down in out on off over under again further once here there where why how all any both
each few more most other some such no not only own same than too very can could will would shall should may might must
just do does did done doing have has had having be is am are was were been being i me my we our you your he him his she
her it its they them their this that these those what which who whom as also there's let's use used using get got make
makes made need needs want wants please tell know like one two way something anything`).split(/\s+/)
)

const wordPattern = /[\p{L}\p{N}]+(?:['’][\p{L}]+)*/gu
const unspacedScript = /^[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}]{3,}$/u
const compoundPattern = /(?<![\p{L}\p{N}])[\p{L}\p{N}]+(?:-[\p{L}\p{N}]+)+/gu
const camelCaseBoundary = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u

/** The words of a text in lower case; `catchTag` gives `catchtag`, `catch`, `tag`, and `back-off` also `backoff`. */
export const tokenize = (text: string): ReadonlyArray<string> => {
  const tokens: Array<string> = []
  for (const [word] of text.normalize("NFKC").matchAll(wordPattern)) {
    tokens.push(word.toLowerCase())
    // Scripts without spaces: character bigrams in place of words.
    if (unspacedScript.test(word)) { for (let i = 0; i + 2 <= word.length; i++) tokens.push(word.slice(i, i + 2)) }
    const parts = word.split(camelCaseBoundary)
    if (parts.length > 1) { for (const part of parts) tokens.push(part.toLowerCase()) }
  }
  for (const [compound] of text.matchAll(compoundPattern)) tokens.push(compound.replaceAll("-", "").toLowerCase())
  return tokens
}

/** A word without its English ending: the same for `retry`, `retries`, `retried` and `retrying`. */
export const stem = (word: string): string => {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word
  const base = word
    .replace(/(?:ies|ied)$/, "y")
    .replace(/(?<=..[^aeious])(?:ing|ed)$/, "")
    .replace(/(?<=(?:s|x|z|ch|sh))es$/, "")
    .replace(/(?<=[^s])s$/, "")
    .replace(/([b-df-hj-km-npqrtv-xz])\1$/, "$1")
  return base.length > 4 ? base.replace(/e$/, "") : base
}

/** The stems of a text's words without stop words; of all words if there are only stop words. */
export const stemmedTerms = (text: string): ReadonlyArray<string> => {
  const tokens = tokenize(text)
  const meaningful = tokens.filter((word) => !stopWords.has(word))
  return (meaningful.length > 0 ? meaningful : tokens).map(stem)
}
