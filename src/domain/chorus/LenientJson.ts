/**
 * Reads the JSON objects in a model's text: between code fences and prose, and with the mistakes that small models make:
 * trailing commas, line breaks and foreign escapes within strings, Python's literals, missing brackets at the end of the
 * text. Nothing is invented: an object that ends within a key, a string or a number is not read.
 */
import { Result } from "effect"

/** How many braces are tried as the beginning of an object. */
const maxAttempts = 32

/** The objects in the text, in order; an object within another one follows it. */
export function* readObjects(text: string): Generator<unknown> {
  let from = text.indexOf("{")
  for (let attempts = 0; from >= 0 && attempts < maxAttempts; attempts++) {
    const json = mendObject(text, from)
    const object = json === undefined ? Result.fail(undefined) : Result.try((): unknown => JSON.parse(json))
    if (Result.isSuccess(object)) yield object.success
    from = text.indexOf("{", from + 1)
  }
}

/** A string up to its closing quote, a literal or number, or a single character; the text's parts as they are mended. */
const tokenPattern = /"(?:[^"\\]|\\[^])*"|[A-Za-z0-9_.+-]+|\s+|[^]/y

const brackets: Readonly<Record<string, string>> = { "{": "}", "[": "]" }
const pythonLiterals: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null" }

/** The object that begins at `from` as JSON, with its brackets balanced; undefined if it cannot be. */
const mendObject = (text: string, from: number): string | undefined => {
  const closing: Array<string> = []
  const tokens: Array<string> = []
  let hasComma = false
  for (let at = from; at < text.length;) {
    tokenPattern.lastIndex = at
    const token = tokenPattern.exec(text)?.[0] ?? ""
    at += token.length
    if (token === ",") hasComma = true
    else if (token === "\"") return undefined
    else if (token.trim() !== "") {
      const isClosing = token === "}" || token === "]"
      if (hasComma && !isClosing) tokens.push(",")
      hasComma = false
      if (isClosing && closing.pop() !== token) return undefined
      const bracket = brackets[token]
      if (bracket !== undefined) closing.push(bracket)
      tokens.push(token.startsWith("\"") ? mendString(token) : pythonLiterals[token] ?? token)
      if (closing.length === 0) return tokens.join("")
    }
  }
  // A number at the very end may have lost its last digits.
  return /^[\w.+-]*\d$/.test(tokens.at(-1) ?? "") ? undefined : tokens.join("") + closing.toReversed().join("")
}

/** A string with its line breaks escaped, and with a backslash that escapes nothing kept as a character. */
const mendString = (string: string): string =>
  string
    .replaceAll(/\\([^])/g, (escape, escaped: string) =>
      /["\\/bfnrtu]/.test(escaped) ? escape : escaped === "'" ? "'" : `\\\\${escaped}`)
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
