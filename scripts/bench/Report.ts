/** The one table, and the same as JSON. */
import type { Measured } from "./Runner.ts"
import type { Goal } from "./Scenarios.ts"
import { judge, ratio, value } from "./Statistics.ts"

const digits = (number: number | undefined): string =>
  number === undefined
    ? "–"
    : number >= 1000
    ? Math.round(number).toLocaleString("en")
    : number.toFixed(number >= 100 ? 0 : number >= 10 ? 1 : 2)

const goalText = ({ against, max, min }: Goal): string =>
  max === undefined && min === undefined
    ? ""
    : `${max === undefined ? "≥" : "≤"} ${digits(max ?? min)}${against === "ws" ? "x ws" : ""}`

/** A row for each goal: what every server reached, Choir's ratio to the others, the goal, and whether it is met. */
const rows = (measured: Measured, names: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  measured.scenario.goals.map((goal) => {
    const { met, reached } = judge(measured, goal)
    return [
      measured.scenario.name,
      goal.of,
      ...names.map((name) => digits(value(measured, name, goal.of))),
      ...names.slice(1).map((name) => digits(ratio(measured, "choir", name, goal.of))),
      goalText(goal),
      reached === undefined ? "no result" : goalText(goal) === "" ? "" : met ? "yes" : "NO",
      digits(value(measured, "choir", "load cores"))
    ]
  })

const present = (
  all: ReadonlyArray<Measured>
): ReadonlyArray<string> => [...new Set(all.flatMap(({ runs }) => runs.map(({ server }) => server)))]

/** Markdown, and readable as it is. */
export const table = (all: ReadonlyArray<Measured>): string => {
  const names = present(all)
  const head = [
    "scenario",
    "unit",
    ...names,
    ...names.slice(1).map((name) => `choir/${name}`),
    "goal",
    "met",
    "load cores"
  ]
  const body = all.flatMap((measured) => rows(measured, names))
  const widths = head.map((title, i) => Math.max(title.length, ...body.map((row) => row[i]!.length)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, i) => i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(" | ")} |`
  return [
    line(head),
    `|${widths.map((width, i) => i < 2 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`).join("|")}|`,
    ...body.map(line)
  ].join("\n")
}

export const json = (all: ReadonlyArray<Measured>, about: object): string =>
  `${
    JSON.stringify(
      {
        ...about,
        scenarios: all.map((measured) => ({
          name: measured.scenario.name,
          about: measured.scenario.about,
          load: measured.scenario.load,
          verdicts: measured.scenario.goals.map((goal) => judge(measured, goal)),
          runs: measured.runs
        }))
      },
      undefined,
      2
    )
  }\n`
