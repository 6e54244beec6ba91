/** The beginning of a text on one line, for lists and citations. Pure. */
import { cutIndex } from "./Text.ts"

/** Marks at the beginning of a line: headings, quotes, lists. */
const lineMarks = /^(?:(?:#{1,6}|>|[-*+])[ \t]+)+/
/** Lines of marks only: fences of code, rules, the second row of a table. */
const markLine = /^(?:(?:`{3}|~{3}).*|[-=*_|:+\t ]*)$/
const link = /!?\[([^[\]]*)\]\([^()\s]*\)/g
const emphasis = /(?<![\w*])\*([^\s*][^*]*)\*(?![\w*])|(?<!\w)_([^\s_][^_]*)_(?!\w)/g
const pairedMarks = /\*\*|~~|`+|(?<!\w)__|__(?!\w)/g

const withoutMarks = (line: string): string =>
  markLine.test(line)
    ? ""
    : (line.startsWith("|") ? line.replaceAll("|", " ") : line)
      .replace(lineMarks, "")
      .replace(link, "$1")
      .replace(pairedMarks, "")
      .replace(emphasis, "$1$2")

/** At most `max` UTF-16 units, with "…" in place of the rest: after a word, or inside one that takes more than half. */
const cutAfterWord = (text: string, max: number): string => {
  if (text.length <= max) return text
  const space = text.lastIndexOf(" ", max - 1)
  return `${text.slice(0, space > max / 2 ? space : cutIndex(text, max - 1)).trimEnd()}…`
}

/** The beginning of a text on one line of at most `max` UTF-16 units, without the marks of Markdown. */
export const excerpt = (text: string, max: number): string => {
  let line = ""
  for (const source of text.split("\n")) {
    line = `${line} ${withoutMarks(source.trim())}`.replace(/\s+/g, " ").trim()
    if (line.length > max) break
  }
  return cutAfterWord(line, max)
}
