/** Text for screen readers. */
import type { ElementType, ReactNode } from "react"
import style from "./VisuallyHidden.module.css"

/** Text that is read out and not shown. */
export const VisuallyHidden = ({ as: Element = "span", children }: {
  readonly as?: ElementType | undefined
  readonly children: ReactNode
}): ReactNode => <Element className={style.hidden}>{children}</Element>
