/**
 * Which names the code may have: every word of a file name, a folder name or an exported name is a term of
 * docs/GLOSSARY.md or a plain word of docs/plain-words.txt; and names that one could confuse do not repeat.
 */

/** A name and the file (relative to the repository) that it is used in. */
export interface Name {
  readonly name: string
  readonly file: string
}

/** The words of a name, in lower case: `SendQueue`, `send_queue` and `send-queue` have two. Digits are ignored. */
export const splitName = (name: string): ReadonlyArray<string> =>
  (name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []).map((word) => word.toLowerCase())

const suffixes: ReadonlyArray<readonly [suffix: string, replacements: ReadonlyArray<string>]> = [
  ["ies", ["y"]],
  ["es", ["", "e"]],
  ["s", [""]],
  ["ied", ["y"]],
  ["ed", ["", "e"]],
  ["ing", ["", "e"]],
  ["er", ["", "e"]],
  ["or", ["", "e"]],
  ["ly", [""]]
]

/** The word and the words it may be an inflection of: `dropped` gives `dropp`, `droppe` and `drop`. */
const baseForms = (word: string): ReadonlyArray<string> => {
  const forms = [word]
  for (const [suffix, replacements] of suffixes) {
    if (!word.endsWith(suffix) || word.length - suffix.length < 2) continue
    const stem = word.slice(0, -suffix.length)
    for (const replacement of replacements) forms.push(stem + replacement)
    if (/(.)\1$/.test(stem)) forms.push(stem.slice(0, -1))
  }
  return forms
}

/** The terms of the glossary: the first cell of each row of its tables. */
export const glossaryTerms = (glossary: string): ReadonlyArray<string> =>
  [...glossary.matchAll(/^\| ([^|]+) \|/gm)].map(([, term]) => term!.trim()).filter((term) =>
    term !== "term" && !/^-+$/.test(term)
  )

/** The words that names may be made of: those of the terms, and the plain ones (separated by white space, `#` comments). */
export const allowedWords = (glossary: string, plainWords: string): ReadonlySet<string> =>
  new Set([
    ...glossaryTerms(glossary).flatMap((term) => term.toLowerCase().match(/[a-z]+/g) ?? []),
    ...plainWords.replaceAll(/#.*$/gm, "").toLowerCase().split(/\s+/).filter((word) => word !== "")
  ])

/** The names of the exported declarations of a source file. */
export const declaredNames = (source: string): ReadonlyArray<string> =>
  [...source.matchAll(/^export (?:abstract |async )?(?:const|let|class|interface|type|function\*?) (\w+)/gm)]
    .map(([, name]) => name!)

/** All names that a source file exports, those of other files included. */
export const exportedNames = (source: string): ReadonlyArray<string> => [
  ...declaredNames(source),
  ...[...source.matchAll(/^export \* as (\w+)/gm)].map(([, name]) => name!),
  ...[...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
    .flatMap(([, list]) =>
      list!.split(",").map((part) => part.trim().split(/\s+/).at(-1)!).filter((name) => name !== "")
    )
]

/** The words of a name that are not allowed. */
export const unknownWords = (allowed: ReadonlySet<string>, name: string): ReadonlyArray<string> =>
  splitName(name).filter((word) => word.length > 1 && !baseForms(word).some((form) => allowed.has(form)))

/** Values of `items` that `keyOf` gives the same key. */
export const duplicatesBy = <A>(items: ReadonlyArray<A>, keyOf: (item: A) => string): ReadonlyArray<ReadonlyArray<A>> =>
  [...Map.groupBy(items, keyOf).values()].filter((group) => group.length > 1)
