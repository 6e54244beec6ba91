import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import path from "node:path"

const css = readFileSync(path.join(import.meta.dirname, "../../../src/web/design/tokens.css"), "utf8")

const themes = ["light", "dark"] as const

/** The colour of a token in a theme, as `#rrggbb`. */
const colour = (token: string, theme: typeof themes[number]): string => {
  const value = css.match(new RegExp(`--${token}: ([^;]+);`))?.[1] ?? ""
  const alias = value.match(/^var\(--([\w-]+)\)$/)?.[1]
  if (alias !== undefined) return colour(alias, theme)
  const pair = value.match(/^light-dark\((#[\da-f]{6}), (#[\da-f]{6})\)$/)
  assert.isNotNull(pair, `--${token} is ${value}`)
  return pair![1 + themes.indexOf(theme)]!
}

/** Relative luminance (WCAG 2.2). */
const luminance = (hex: string): number => {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}

const contrast = (a: string, b: string): number => {
  const [dark, light] = [luminance(a), luminance(b)].sort((a, b) => a - b)
  return (light! + 0.05) / (dark! + 0.05)
}

const grounds = ["paper", "rail-paper", "sheet", "well"]

/** Texts and the grounds they stand on. */
const texts: ReadonlyArray<readonly [text: string, grounds: ReadonlyArray<string>]> = [
  ["ink", [...grounds, "tint", "voice-tint", "wait-tint", "fault-tint", "mark"]],
  ["soft", [...grounds, "tint", "voice-tint", "wait-tint", "fault-tint"]],
  ["accent", [...grounds, "tint"]],
  ["accent-deep", [...grounds, "tint"]],
  ["voice", [...grounds, "voice-tint"]],
  ["wait", [...grounds, "wait-tint"]],
  ["fault", [...grounds, "fault-tint"]],
  ["on-accent", ["accent", "accent-deep"]],
  ["on-voice", ["voice"]],
  ["on-fault", ["fault"]],
  ["paper", ["ink"]],
  ...["keyword", "string", "number", "name", "type"].map((part) => [`code-${part}`, ["well"]] as const)
]

/** Borders and marks that must be seen, and what they stand on. */
const shapes: ReadonlyArray<readonly [shape: string, grounds: ReadonlyArray<string>]> = [
  ["control", ["paper", "rail-paper", "sheet", "voice-tint", "tint"]],
  ["focus", [...grounds, "tint", "voice-tint", "wait-tint", "fault-tint"]],
  ["voice", ["paper", "sheet"]],
  ["wait-fill", ["paper", "rail-paper", "sheet"]],
  ["fault", ["paper", "sheet"]]
]

const tooFaint = (pairs: typeof texts, theme: typeof themes[number], least: number) =>
  pairs.flatMap(([front, grounds]) =>
    grounds.flatMap((ground) => {
      const ratio = contrast(colour(front, theme), colour(ground, theme))
      return ratio < least ? [`${front} on ${ground}: ${ratio.toFixed(2)}`] : []
    })
  )

describe.each(themes)("the %s theme", (theme) => {
  it("has texts of 4.5:1 on every ground they stand on", () => {
    assert.deepStrictEqual(tooFaint(texts, theme, 4.5), [])
  })

  it("has borders, marks and focus rings of 3:1", () => {
    assert.deepStrictEqual(tooFaint(shapes, theme, 3), [])
  })
})

describe("contrast", () => {
  it("is 21:1 between black and white, and 1:1 of a colour with itself", () => {
    assert.approximately(contrast("#000000", "#ffffff"), 21, 0.001)
    assert.strictEqual(contrast("#2c5a4c", "#2c5a4c"), 1)
  })
})
