/** Controls that are one stop of the Tab key. */
import { type ReactNode, useRef } from "react"
import { type FocusGroup, horizontalMove, usableItems, useFocusGroup } from "./useFocusGroup.ts"

const items = "a[href], button, input"

const toolbar: FocusGroup = {
  items,
  enter: (group, last) => last ?? usableItems(group, items)[0],
  move: (key, from, group) => horizontalMove(key, from, usableItems(group, items))
}

/** A row of controls: arrow keys, Home and End move within it. A text field stands last, since it has uses for these keys. */
export const Toolbar = ({ children, className, label }: {
  readonly label: string
  readonly className?: string | undefined
  readonly children: ReactNode
}): ReactNode => {
  const ref = useRef<HTMLDivElement>(null)
  useFocusGroup(ref, toolbar)
  return <div ref={ref} className={className} role="toolbar" aria-label={label} tabIndex={0}>{children}</div>
}
