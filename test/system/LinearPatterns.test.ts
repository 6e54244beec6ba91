/** Every regular expression of ours, found by parsing: none may take more than linear time, whatever it is put to. */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { analyse } from "scslre"
import { parseSync, Visitor } from "vite"

const src = new URL("../../src/", import.meta.url)

interface Found {
  readonly where: string
  readonly pattern: RegExp
}

/** Patterns that are made while the program runs: what stands in them is ours, and was looked at. */
const made = ["conformance/LimitChecks.ts: new RegExp(`\"${name}\":(\\\\d+)`)"]

const literals: Array<Found> = []
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
      literals.push({ where: `${file}:${line}`, pattern: new RegExp(node.regex.pattern, node.regex.flags) })
    },
    NewExpression: (node) => void (call(node) && calls.push(`${file}: ${text(node)}`)),
    CallExpression: (node) => void (call(node) && calls.push(`${file}: ${text(node)}`))
  }).visit(parseSync(file, code).program)
}

/** Where a pattern can take more than linear time; an empty list says nowhere. */
const superlinear = (pattern: RegExp): ReadonlyArray<string> =>
  analyse(pattern, { reportTypes: { Move: true, Self: true, Trade: true } }).reports.map((report) => report.type)

describe("patterns", () => {
  it("[SEC20] are found, and those made of strings are known", () => {
    assert.isAbove(literals.length, 20)
    assert.deepStrictEqual(calls, made)
  })

  it("[SEC20] that take more than linear time would be seen", () => {
    for (const source of ["^(a+)+$", "\\s+$", "(a|a)*b", "^/ask\\s+(.+)$"]) {
      assert.isNotEmpty(superlinear(new RegExp(source)), source)
    }
  })

  it.each(literals)(
    "[SEC20] $pattern in $where is linear",
    ({ pattern }) => assert.deepStrictEqual(superlinear(pattern), [])
  )
})
