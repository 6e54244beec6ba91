/** The ratios to plain `ws` as a bar chart in SVG. */
import type { ScenarioResult } from "./Runner.ts"
import { medianRatio } from "./Statistics.ts"

const colours: Readonly<Record<string, string>> = {
  choir: "#2f6f8f",
  ws: "#b9bec4",
  "socket.io": "#d9a55b",
  uws: "#7f9f6f"
}

const rowHeight = 18
const labelWidth = 150
const width = 760
/** Pixels per ratio of 1. */
const pixelsPerRatio = 260
/** Bars are cut off here; their label has the value. */
const maxRatio = 2

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const textElement = (x: number, y: number, content: string, extra = ""): string =>
  `<text x="${x}" y="${y}" ${extra}>${escape(content)}</text>`

interface Bar {
  readonly server: string
  readonly ratio: number
}

const barsOf = (measured: ScenarioResult, unit: string): ReadonlyArray<Bar> =>
  measured.runs.flatMap(({ server }) => {
    const ratioToWs = medianRatio(measured, server, "ws", unit)
    return ratioToWs === undefined ? [] : [{ server, ratio: ratioToWs }]
  })

const barElement = ({ ratio, server }: Bar, y: number): string => {
  const barLength = Math.min(ratio, maxRatio) * pixelsPerRatio
  return `<rect x="${labelWidth}" y="${y}" width="${barLength.toFixed(1)}" height="${rowHeight - 5}" fill="${
    colours[server] ?? "#888"
  }"/>` +
    textElement(labelWidth + barLength + 5, y + 11, `${ratio.toFixed(2)} ${server}`)
}

/** A group of bars per goal on server CPU relative to plain `ws`; a dashed line marks the goal. */
export const renderSvg = (all: ReadonlyArray<ScenarioResult>): string => {
  const parts: Array<string> = []
  let y = 34
  for (const measured of all) {
    const goal = measured.scenario.goals.find(({ against, of }) => against === "ws" && of.startsWith("µs/"))
    const found = goal === undefined ? [] : barsOf(measured, goal.of)
    if (goal === undefined || found.length === 0) continue
    parts.push(textElement(labelWidth - 8, y + 11, measured.scenario.name, `text-anchor="end" font-weight="600"`))
    const top = y
    for (const bar of found) {
      parts.push(barElement(bar, y))
      y += rowHeight
    }
    const x = labelWidth + (goal.max ?? 0) * pixelsPerRatio
    if (goal.max !== undefined) {
      parts.push(`<line x1="${x}" x2="${x}" y1="${top - 3}" y2="${y - 2}" stroke="#b03030" stroke-dasharray="3 2"/>`)
    }
    y += 10
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    textElement(
      10,
      18,
      "Server CPU per delivery, as a multiple of plain ws in the same round (dashed: the goal)",
      `font-size="13"`
    ),
    ...parts,
    "</svg>\n"
  ].join("\n")
}
