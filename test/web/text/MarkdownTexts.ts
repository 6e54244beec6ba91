/** Texts as people, models and attackers write them. */
import { Arbitrary, Schema } from "effect"
import richDocument from "./document.md?raw"

/** `richDocument`: a document with every construct. */
export { richDocument }

/** Addresses that must not become a link, as they are written in `[a](…)`. */
export const forbiddenAddresses: ReadonlyArray<string> = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\\script:alert(1)",
  "<java script:alert(1)>",
  "<java\tscript:alert(1)>",
  "<\u0001javascript:alert(1)>",
  "<\u00a0javascript:alert(1)>",
  "&#106;avascript:alert(1)",
  "javascript&colon;alert(1)",
  "javascript&#58;//%0aalert(1)",
  "vbscript:msgbox(1)",
  "data:text/html,<script>alert(1)</script>",
  "data:image/svg+xml;base64,PHN2Zz4=",
  "blob:https://host.test/1",
  "file:///etc/passwd",
  "//host.test/x",
  "\\\\host.test\\x",
  "/api/erase",
  "#message",
  "?x=1",
  "xmpp:ann@host.test",
  "http:/host.test",
  "https:host.test",
  "ftp://host.test"
]

/** Texts that have run as a script in some renderer. */
export const attacks: ReadonlyArray<string> = [
  ...forbiddenAddresses.flatMap((address) => [`[a](${address})`, `![a](${address})`, `<${address}>`]),
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<style>@import 'https://host.test'</style>",
  "<a href='javascript:alert(1)' style='position:fixed'>a</a>",
  "![a](https://host.test/i.png 'x\" onerror=\"alert(1)')",
  "[a](https://host.test/ \"x' onmouseover='alert(1)\")",
  "[a](https://host.test/\"onmouseover=alert(1))",
  "[![i](https://host.test/i.png)](javascript:alert(1))",
  "[a][b]\n\n[b]: javascript:alert(1)",
  "```js\" onload=\"alert(1)\n</code><script>alert(1)</script>\n```",
  "```constructor\nx\n```\n\n```__proto__\nx\n```",
  "| <img src=x> | [a](javascript:alert(1)) |\n|-|-|\n| <b | onclick=x> |",
  "http://host.test/<script>alert(1)</script>",
  "ann@host.test\"onclick=alert(1)"
]

const joined = (pieces: ReadonlyArray<string>, maxLength: number): Arbitrary.Arbitrary<string> =>
  Arbitrary.array(Arbitrary.schema(Schema.Literals(pieces)), { maxLength }).pipe(
    Arbitrary.map((drawn) => drawn.join(""))
  )

/** Marks and words next to each other, mostly no Markdown that anybody would write. `W` stands for a word. */
const noise = joined(
  [
    [..."WWWWWW    \n\n*_~`[]()<>!#|-+=:\"'\\&@.1"],
    [
      "\t",
      "\r\n",
      "\n\n",
      "  \n",
      "**",
      "~~",
      "``",
      "```",
      "~~~",
      "](",
      "![",
      "- ",
      "1. ",
      "> ",
      "# ",
      "| ",
      "\n|-|-|\n"
    ],
    [
      "https://W.test/",
      "www.W.test",
      "W@W.test",
      "[W](https://W.test \"W\")",
      "![W](https://W.test/W)",
      "[1]",
      "[12](W)"
    ],
    ["&copy;", "&#x41;", "<W>", "</W>", "<!-- W -->", "[W]: W", "[^1]", "\n---\n", "\n===\n", "    "],
    ["é", "ß", "日本", "مرحبا", "🧑‍🚀", "\u200f", "\u202e", "\u0000", "\ufeff", "\ud800", "\u2028", "\u00a0"]
  ].flat(),
  24
)

/** Puts a text into a construct. */
const wraps: Readonly<Record<string, (text: string) => string>> = {
  quote: (text) => indent(text, "> ", "> "),
  bullet: (text) => indent(text, "- ", "  "),
  ordered: (text) => indent(text, "17. ", "    "),
  task: (text) => indent(text, "- [ ] ", "  "),
  heading: (text) => `## ${text}`,
  fence: (text) => `\`\`\`\`ts W\n${text}\n\`\`\`\``,
  code: (text) => indent(text, "    ", "    "),
  table: (text) => `| W | W |\n|---|:-:|\n| ${text} | W | W |`,
  emphasis: (text) => `*${text}*`,
  strong: (text) => `__${text}__`,
  deleted: (text) => `~~${text}~~`,
  link: (text) => `[${text}](https://W.test/W 'W')`,
  twice: (text) => `${text}\n\nW\n${text}`
}

const indent = (text: string, first: string, others: string): string => first + text.replaceAll("\n", `\n${others}`)

const nested = Arbitrary.all({
  text: noise,
  constructs: Arbitrary.array(Arbitrary.schema(Schema.Literals(Object.keys(wraps))), { maxLength: 5 })
}).pipe(Arbitrary.map(({ constructs, text }) => constructs.reduce((text, name) => wraps[name]!(text), text)))

/** Texts of nested constructs and noise, in which each word stands once. */
export const markdownTexts: Arbitrary.Arbitrary<string> = Arbitrary.all({
  parts: Arbitrary.array(nested, { maxLength: 4 }),
  separator: Arbitrary.schema(Schema.Literals(["\n", "\n\n", "\n  "]))
}).pipe(Arbitrary.map(({ parts, separator }) => {
  let words = 0
  return parts.join(separator).replaceAll("W", () => `w${++words}w`)
}))

const longest = 32_768

/** Texts that ask for as much work as they can, each as long as a message may be. */
export const costlyTexts: ReadonlyArray<string> = [
  [
    "> ",
    "- ",
    "1. ",
    "- > ",
    "- a\n",
    "-\n",
    "# a\n",
    "a\n\n",
    "*a*\n\n",
    "a\n=\n",
    "> a\n",
    "```\na\n```\n",
    "\\a\\*"
  ],
  [
    "*a* ",
    "a*",
    "**a*",
    "_a",
    "~a ",
    "*a**b",
    "***a**b*",
    "`a` ",
    "[",
    "[]",
    "[a](",
    "[a](b) ",
    "[a](http://b) ",
    "![](a"
  ],
  [
    "www.a.b ",
    "a@b.c ",
    "http://a(",
    "<",
    "<!--",
    "&",
    "&#x",
    "\\",
    "|a",
    "|a|b|\n|-|-|\n",
    "a:-",
    "\t",
    `a${" ".repeat(999)}`
  ]
].flat().map((piece) => piece.repeat(Math.ceil(longest / piece.length)).slice(0, longest)).concat(
  `|a|b|\n|-|-|\n${"|a|b|\n".repeat(5_000)}`,
  Array.from({ length: 180 }, (_, depth) => `${"  ".repeat(depth)}- a`).join("\n"),
  Array.from({ length: 250 }, (_, length) => `${"`".repeat(length + 1)}a`).join(" ")
)
