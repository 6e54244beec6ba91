/** The page's icons: strokes on a grid of 24. They say nothing by themselves; the control around them has the name. */
import type { ReactNode } from "react"
import style from "./Icon.module.css"

const paths = {
  plus: "M12 5.5v13M5.5 12h13",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.3 15.3L20 20",
  right: "M9.5 5.5L16 12l-6.5 6.5",
  left: "M14.5 5.5L8 12l6.5 6.5",
  down: "M5.5 9l6.5 6.5L18.5 9",
  more:
    "M5.5 11.25a.75.75 0 1 0 0 1.5.75.75 0 0 0 0-1.5zM12 11.25a.75.75 0 1 0 0 1.5.75.75 0 0 0 0-1.5zM18.5 11.25a.75.75 0 1 0 0 1.5.75.75 0 0 0 0-1.5z",
  invite:
    "M9.5 11.5a3.75 3.75 0 1 0 0-7.5 3.75 3.75 0 0 0 0 7.5zM3 20c.5-3.7 2.9-5.7 6.5-5.7S15.5 16.3 16 20M19 7.5v6M16 10.5h6",
  globe:
    "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM3.5 12h17M12 3.5c4.5 4.7 4.5 12.3 0 17M12 3.5c-4.5 4.7-4.5 12.3 0 17",
  lock: "M6 10.5h12v9.5H6zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5M12 14.5v2",
  check: "M4.5 12.5l5 5 10-11",
  x: "M6 6l12 12M18 6L6 18",
  clock: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 7.5V12l3 2",
  coin: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 8l4 4-4 4-4-4z",
  file: "M6 3.5h7.5L18.5 8.5v12H6zM13.5 3.5v5h5M9 13h6.5M9 16.5h4.5",
  quote: "M10 7.5c-3 .9-4.5 2.9-4.5 6V17H10v-4.5H7M18.5 7.5c-3 .9-4.5 2.9-4.5 6V17h4.5v-4.5h-3",
  link: "M10 14.2a4 4 0 0 0 5.9.3l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 9.8a4 4 0 0 0-5.9-.3l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  voice: "M5 9.5v5M12 5v14M19 7.5v9",
  send: "M12 19.5v-15M5.5 11L12 4.5l6.5 6.5",
  alert: "M12 4l9 16H3zM12 10v4.5M12 17.2h.01",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  again: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4v5h-5",
  split: "M12 20v-6M12 14L6 6M12 14l6-8M5.5 11V5.5h5M18.5 11V5.5h-5",
  agent: "M5 8.5h14V19H5zM12 8.5v-4M9.5 13v1.5M14.5 13v1.5M2.5 12.5v3M21.5 12.5v3",
  hash: "M9.5 4l-2 16M16.5 4l-2 16M4.5 9h16M3.5 15h16",
  stop: "M6.5 6.5h11v11h-11z",
  key: "M8 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12.5 12h9v4M17.5 12v3",
  settings:
    "M4 7.5h9M17.5 7.5H20M4 16.5h2.5M11 16.5h9M15.25 9.75a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5zM8.75 18.75a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5z",
  help:
    "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM9.5 9.5c.2-1.5 1.2-2.2 2.6-2.2 1.5 0 2.5.9 2.5 2.2 0 2-2.6 2-2.6 4M12 16.5h.01",
  palette:
    "M12 20.5a8.5 8.5 0 1 1 8.5-8.5c0 2.5-1.7 3.5-3.5 3.5h-2c-1.5 0-2 1.2-1.3 2.3.9 1.3.2 2.7-1.7 2.7zM7.5 12h.01M9.5 8h.01M14.5 8h.01",
  person: "M12 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.6-4.2 3.3-6.2 7.5-6.2s6.9 2 7.5 6.2",
  erase: "M9.5 19.5L4 14l9.5-9.5L20 11l-8.5 8.5zM8.8 9.2l6.5 6.5M11.5 19.5H20"
} as const

/** The name of an icon. */
export type IconName = keyof typeof paths

/** Arrows along the line of reading: they turn round where it runs from right to left. */
const followsLine: ReadonlySet<IconName> = new Set(["right", "left"])

/** One icon, in the colour of the text around it: 16, 20 or 24 px. */
export const Icon = ({ name, size = "s" }: {
  readonly name: IconName
  readonly size?: "s" | "m" | "l" | undefined
}): ReactNode => (
  <svg
    className={`${style.icon} ${style[size]} ${followsLine.has(name) ? style.followsLine : ""}`}
    viewBox="0 0 24 24"
    aria-hidden="true"
    data-icon={name}
  >
    <path d={paths[name]} />
  </svg>
)
