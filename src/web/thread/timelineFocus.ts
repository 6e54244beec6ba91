/** The timeline as one stop of the Tab key: vertical arrow keys move between its rows, horizontal ones within a row. */
import { type FocusGroup, horizontalMove, usableItems } from "../design/useFocusGroup.ts"

const rows = "article"
/** Code and tables are regions, which can be scrolled. */
const controls = "a[href], button, [role=region][tabindex]"

const isInView = (element: Element, log: Element): boolean => {
  const [box, view] = [element.getBoundingClientRect(), log.getBoundingClientRect()]
  return box.bottom > view.top && box.top < view.bottom
}

/** The row after or before another. While that one is not shown to its end, the key scrolls, as it does in any text. */
const neighbour = (row: HTMLElement, step: 1 | -1, log: HTMLElement): HTMLElement | undefined => {
  const [box, view] = [row.getBoundingClientRect(), log.getBoundingClientRect()]
  if (step === 1 ? box.bottom > view.bottom + 1 : box.top < view.top - 1) return undefined
  const all = [...log.querySelectorAll<HTMLElement>(rows)]
  return all[all.indexOf(row) + step]
}

/** The Tab key enters where the focus was, or at the newest row in view if that is not. */
export const timelineFocus: FocusGroup = {
  items: `${rows}, ${controls}`,
  enter: (log, last) =>
    last !== undefined && isInView(last, log)
      ? last
      : [...log.querySelectorAll<HTMLElement>(rows)].findLast((row) => isInView(row, log)),
  move: (key, from, log) => {
    const row = from.closest<HTMLElement>(rows)
    if (row === null) return undefined
    if (key === "ArrowDown") return neighbour(row, 1, log)
    if (key === "ArrowUp") return neighbour(row, -1, log)
    // On the row itself Home and End scroll to the ends of the timeline.
    if (from === row && !key.startsWith("Arrow")) return undefined
    return horizontalMove(key, from, [row, ...usableItems(row, controls)])
  }
}
