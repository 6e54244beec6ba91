/** Results as a Markdown table and as JSON. */
import type { ScenarioResult } from "./Runner.ts"
import type { Goal } from "./Scenarios.ts"
import { evaluateGoal, medianRatio, medianValue, ratioInterval } from "./Statistics.ts"

const formatNumber = (number: number | undefined): string =>
  number === undefined
    ? "–"
    : number >= 1000
    ? Math.round(number).toLocaleString("en")
    : number.toFixed(number >= 100 ? 0 : number >= 10 ? 1 : 2)

const formatGoal = ({ against, max, min }: Goal): string =>
  max === undefined && min === undefined
    ? ""
    : `${max === undefined ? "≥" : "≤"} ${formatNumber(max ?? min)}${against === "ws" ? "x ws" : ""}`

/** The median ratio of Choir to another server, with its 95 % interval when there are enough rounds. */
const formatRatio = (measured: ScenarioResult, against: string, unit: string): string => {
  const interval = ratioInterval(measured, "choir", against, unit)
  const ratio = formatNumber(medianRatio(measured, "choir", against, unit))
  return interval === undefined ? ratio : `${ratio} (${interval.map(formatNumber).join("–")})`
}

/** A row per goal: the value of every server, Choir's ratio to the others, the goal, and whether it is met. */
const rowsOf = (measured: ScenarioResult, names: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  measured.scenario.goals.map((goal) => {
    const { met, reached } = evaluateGoal(measured, goal)
    return [
      measured.scenario.name,
      goal.of,
      ...names.map((name) => formatNumber(medianValue(measured, name, goal.of))),
      ...names.slice(1).map((name) => formatRatio(measured, name, goal.of)),
      formatGoal(goal),
      reached === undefined ? "no result" : formatGoal(goal) === "" ? "" : met ? "yes" : "NO",
      formatNumber(medianValue(measured, "choir", "load cores"))
    ]
  })

const serverNames = (
  all: ReadonlyArray<ScenarioResult>
): ReadonlyArray<string> => [...new Set(all.flatMap(({ runs }) => runs.map(({ server }) => server)))]

/** A Markdown table with aligned columns. */
export const renderTable = (all: ReadonlyArray<ScenarioResult>): string => {
  const names = serverNames(all)
  const head = [
    "scenario",
    "unit",
    ...names,
    ...names.slice(1).map((name) => `choir/${name}`),
    "goal",
    "met",
    "load cores"
  ]
  const body = all.flatMap((measured) => rowsOf(measured, names))
  const widths = head.map((title, i) => Math.max(title.length, ...body.map((row) => row[i]!.length)))
  const formatRow = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, i) => i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(" | ")} |`
  return [
    formatRow(head),
    `|${widths.map((width, i) => i < 2 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`).join("|")}|`,
    ...body.map(formatRow)
  ].join("\n")
}

/** The results with every run; `about` describes machine and options. */
export const renderJson = (all: ReadonlyArray<ScenarioResult>, about: object): string =>
  `${
    JSON.stringify(
      {
        ...about,
        scenarios: all.map((measured) => ({
          name: measured.scenario.name,
          about: measured.scenario.about,
          load: measured.scenario.load,
          verdicts: measured.scenario.goals.map((goal) => evaluateGoal(measured, goal)),
          runs: measured.runs
        }))
      },
      undefined,
      2
    )
  }\n`
