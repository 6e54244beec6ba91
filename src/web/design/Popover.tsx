/** A small card beside a button. */
import { Popover as Parts } from "@base-ui/react/popover"
import type { ReactElement, ReactNode } from "react"
import style from "./Popover.module.css"

/** Opens from `trigger`, a button, and is no dialog one must answer: the page stays usable. */
export const Popover = ({ children, label, trigger }: {
  readonly trigger: ReactElement
  /** The name of the card. */
  readonly label: string
  readonly children: ReactNode
}): ReactNode => (
  <Parts.Root>
    <Parts.Trigger render={trigger} />
    <Parts.Portal>
      <Parts.Positioner sideOffset={4} collisionPadding={8}>
        <Parts.Popup className={style.card} aria-label={label}>{children}</Parts.Popup>
      </Parts.Positioner>
    </Parts.Portal>
  </Parts.Root>
)
