/** Colours code, as React elements. A module of its own: it is loaded with the first code that has a known language. */
import type { Root, RootContent } from "hast"
import bash from "highlight.js/lib/languages/bash"
import c from "highlight.js/lib/languages/c"
import cpp from "highlight.js/lib/languages/cpp"
import css from "highlight.js/lib/languages/css"
import diff from "highlight.js/lib/languages/diff"
import go from "highlight.js/lib/languages/go"
import java from "highlight.js/lib/languages/java"
import javascript from "highlight.js/lib/languages/javascript"
import json from "highlight.js/lib/languages/json"
import markdown from "highlight.js/lib/languages/markdown"
import python from "highlight.js/lib/languages/python"
import rust from "highlight.js/lib/languages/rust"
import sql from "highlight.js/lib/languages/sql"
import typescript from "highlight.js/lib/languages/typescript"
import xml from "highlight.js/lib/languages/xml"
import yaml from "highlight.js/lib/languages/yaml"
import { createLowlight, type LanguageFn } from "lowlight"
import type { ReactNode } from "react"
import type { CodeLanguage, HighlightedCodeProps } from "./highlight.ts"
import style from "./HighlightedCode.module.css"

const grammars: { readonly [L in CodeLanguage]: LanguageFn } = {
  bash,
  c,
  cpp,
  css,
  diff,
  go,
  java,
  javascript,
  json,
  markdown,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml
}

/** The languages that stand inside of others. */
const embedded: Partial<Record<CodeLanguage, ReadonlyArray<CodeLanguage>>> = {
  javascript: ["css", "xml"],
  markdown: ["xml"],
  typescript: ["css", "xml"],
  xml: ["css", "javascript"]
}

const lowlight = createLowlight()

/** Makes a language known when it is first used: all of them at once would take longer than a frame. */
const register = (language: CodeLanguage): void => {
  if (lowlight.registered(language)) return
  lowlight.register(language, grammars[language])
  embedded[language]?.forEach(register)
}

/** The few colours that the highlighter's many scopes share. */
const colours: Readonly<Record<string, string | undefined>> = {
  keyword: style.keyword,
  literal: style.keyword,
  built_in: style.keyword,
  "selector-tag": style.keyword,
  string: style.string,
  regexp: style.string,
  addition: style.string,
  deletion: style.deletion,
  number: style.number,
  symbol: style.number,
  comment: style.comment,
  quote: style.comment,
  meta: style.comment,
  title: style.name,
  name: style.name,
  section: style.name,
  type: style.type,
  attr: style.type,
  attribute: style.type,
  property: style.type
}

const render = (node: Root | RootContent, key: number): ReactNode => {
  switch (node.type) {
    case "text":
      return node.value
    case "root":
      return node.children.map(render)
    case "element": {
      const [scope] = node.properties["className"] as ReadonlyArray<string>
      return <span key={key} className={colours[scope!]}>{node.children.map(render)}</span>
    }
    default:
      return null
  }
}

/** The code. */
export const HighlightedCode = ({ language, text }: HighlightedCodeProps): ReactNode => {
  register(language)
  return render(lowlight.highlight(language, text, { prefix: "" }), 0)
}
