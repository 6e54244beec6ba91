/** The ratios to plain `ws` as bars, in SVG. */
import type { Measured } from "./Runner.ts"
import { ratio } from "./Statistics.ts"

const colours: Readonly<Record<string, string>> = {
  choir: "#2f6f8f",
  ws: "#b9bec4",
  "socket.io": "#d9a55b",
  uws: "#7f9f6f"
}

const row = 18
const labels = 150
const width = 760
/** Pixels for a ratio of 1. */
const unit = 260
/** Bars end here, with their value written beside them. */
const longest = 2

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const text = (x: number, y: number, content: string, extra = ""): string =>
  `<text x="${x}" y="${y}" ${extra}>${escape(content)}</text>`

interface Bar {
  readonly server: string
  readonly ratio: number
}

const bars = (measured: Measured, of: string): ReadonlyArray<Bar> =>
  measured.runs.flatMap(({ server }) => {
    const found = ratio(measured, server, "ws", of)
    return found === undefined ? [] : [{ server, ratio: found }]
  })

const bar = ({ ratio, server }: Bar, y: number): string => {
  const long = Math.min(ratio, longest) * unit
  return `<rect x="${labels}" y="${y}" width="${long.toFixed(1)}" height="${row - 5}" fill="${
    colours[server] ?? "#888"
  }"/>` +
    text(labels + long + 5, y + 11, `${ratio.toFixed(2)} ${server}`)
}

/** Every goal that is a ratio to plain `ws` in server CPU per delivery: shorter is better, the line is `ws`. */
export const svg = (all: ReadonlyArray<Measured>): string => {
  const parts: Array<string> = []
  let y = 34
  for (const measured of all) {
    const goal = measured.scenario.goals.find(({ against, of }) => against === "ws" && of.startsWith("µs/"))
    const found = goal === undefined ? [] : bars(measured, goal.of)
    if (goal === undefined || found.length === 0) continue
    parts.push(text(labels - 8, y + 11, measured.scenario.name, `text-anchor="end" font-weight="600"`))
    const top = y
    for (const one of found) {
      parts.push(bar(one, y))
      y += row
    }
    const x = labels + (goal.max ?? 0) * unit
    if (goal.max !== undefined) {
      parts.push(`<line x1="${x}" x2="${x}" y1="${top - 3}" y2="${y - 2}" stroke="#b03030" stroke-dasharray="3 2"/>`)
    }
    y += 10
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(
      10,
      18,
      "Server CPU per delivery, as a multiple of plain ws in the same round (dashed: the goal)",
      `font-size="13"`
    ),
    ...parts,
    "</svg>\n"
  ].join("\n")
}
