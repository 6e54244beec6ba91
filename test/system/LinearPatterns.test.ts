/** Every regular expression in `src`, found by parsing, matches in linear time (SEC20). */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { analyse } from "scslre"
import { parseSync, Visitor } from "vite"

const src = new URL("../../src/", import.meta.url)

interface FoundPattern {
  readonly location: string
  readonly pattern: RegExp
}

/** Patterns built from strings, reviewed by hand. */
const reviewedCalls = [
  "conformance/LimitChecks.ts: new RegExp(`\"${name}\":(\\\\d+)`)",
  "domain/admission/IpAddress.ts: new RegExp(`\\\\b${longest}\\\\b`)",
  "domain/chorus/ReasoningFilter.ts: new RegExp(tags.map((tag) => tag.replaceAll(/[[\\]|]/g, \"\\\\$&\")).join(\"|\"), \"gi\")"
]

const literals: Array<FoundPattern> = []
const calls: Array<string> = []
for (const file of readdirSync(src, { recursive: true, encoding: "utf8" }).toSorted()) {
  if (!/\.tsx?$/.test(file)) continue
  const code = readFileSync(new URL(file, src), "utf8")
  const text = ({ end, start }: { readonly start: number; readonly end: number }) => code.slice(start, end)
  const call = (node: { readonly callee: { readonly type: string; readonly start: number; readonly end: number } }) =>
    /\bRegExp$/.test(text(node.callee))
  new Visitor({
    Literal: (node) => {
      if (!("regex" in node)) return
      const line = code.slice(0, node.start).split("\n").length
      literals.push({ location: `${file}:${line}`, pattern: new RegExp(node.regex.pattern, node.regex.flags) })
    },
    NewExpression: (node) => void (call(node) && calls.push(`${file}: ${text(node)}`)),
    CallExpression: (node) => void (call(node) && calls.push(`${file}: ${text(node)}`))
  }).visit(parseSync(file, code).program)
}

/** The reasons why a pattern may take more than linear time. */
const superlinear = (pattern: RegExp): ReadonlyArray<string> =>
  analyse(pattern, { reportTypes: { Move: true, Self: true, Trade: true } }).reports.map((report) => report.type)

describe("regular expressions", () => {
  it("[SEC20] are found by the check, those built from strings included", () => {
    assert.isAbove(literals.length, 20)
    assert.deepStrictEqual(calls, reviewedCalls)
  })

  it("[SEC20] that are superlinear are recognised by the check", () => {
    for (const source of ["^(a+)+$", "\\s+$", "(a|a)*b", "^/ask\\s+(.+)$"]) {
      assert.isNotEmpty(superlinear(new RegExp(source)), source)
    }
  })

  it.each(literals)(
    "[SEC20] $pattern in $location is linear",
    ({ pattern }) => assert.deepStrictEqual(superlinear(pattern), [])
  )
})
