/** The page's figures beside their limits, as a Markdown table. */
import { median } from "../Statistics.ts"
import type { Figures } from "./PageRound.ts"

/** The most that a figure may be in the median of the rounds. Figures without one are only reported. */
const limits: Figures = {
  "first scripts, KB gzipped": 160,
  "opening, ms": 500,
  "key to frame, median ms": 16,
  "key to frame, p99 ms": 50,
  "streaming, tasks over 50 ms": 0,
  "heap after it, MB": 40
}

const format = (value: number): string => value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1)

/** A row per figure: the median and the worst of the rounds, the limit, and whether the median keeps it. */
export const renderTable = (rounds: ReadonlyArray<Figures>): string =>
  [
    "| figure | median | worst | limit | met |",
    "|---|---:|---:|---:|---|",
    ...Object.keys(rounds[0] ?? {}).map((name) => {
      const values = rounds.map((figures) => figures[name]!)
      const middle = median(values)!
      const limit = limits[name]
      const verdict = limit === undefined ? ["", ""] : [format(limit), middle <= limit ? "yes" : "NO"]
      return `| ${[name, format(middle), format(Math.max(...values)), ...verdict].join(" | ")} |`
    })
  ].join("\n")
