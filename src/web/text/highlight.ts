/** Which languages have colours in code, and their highlighter, which is loaded when it is first needed. */
import { lazyPart } from "../design/lazyPart.ts"

const aliases = {
  typescript: ["ts", "tsx", "mts", "cts"],
  javascript: ["js", "jsx", "mjs", "cjs", "node"],
  json: ["jsonc", "json5"],
  python: ["py"],
  bash: ["sh", "shell", "zsh", "console"],
  go: ["golang"],
  rust: ["rs"],
  java: [],
  c: ["h"],
  cpp: ["c++", "cc", "hpp"],
  css: [],
  xml: ["html", "svg", "xhtml"],
  sql: [],
  yaml: ["yml"],
  markdown: ["md"],
  diff: ["patch"]
} as const

/** A language with colours. */
export type CodeLanguage = keyof typeof aliases

const languages: ReadonlyMap<string, CodeLanguage> = new Map(
  (Object.entries(aliases) as ReadonlyArray<[CodeLanguage, ReadonlyArray<string>]>).flatMap(([language, names]) =>
    [language, ...names].map((name) => [name, language] as const)
  )
)

/** The language that the first word after a fence names. */
export const languageOf = (info: string): CodeLanguage | undefined =>
  languages.get(info.split(/[\s,{]/, 1)[0]!.toLowerCase())

/** Code that has colours. */
export interface HighlightedCodeProps {
  readonly text: string
  readonly language: CodeLanguage
}

/** Code with colours. */
export const highlightedPart = lazyPart(() =>
  import("./HighlightedCode.tsx").then(({ HighlightedCode }) => HighlightedCode)
)
