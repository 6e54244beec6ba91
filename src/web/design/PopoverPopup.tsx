/** The card of a popover. */
import { Popover as Parts } from "@base-ui/react/popover"
import type { ReactNode } from "react"
import style from "./Popover.module.css"
import type { TriggerState } from "./useTrigger.ts"

/** The card, open or about to close. */
export const PopoverPopup = ({ anchor, children, id, label, onOpenChange, open }: TriggerState & {
  readonly label: string
  readonly children: ReactNode
}): ReactNode => (
  <Parts.Root open={open} onOpenChange={onOpenChange}>
    <Parts.Portal>
      <Parts.Positioner anchor={anchor} sideOffset={4} collisionPadding={8}>
        <Parts.Popup id={id} className={style.card} aria-label={label} finalFocus={anchor}>{children}</Parts.Popup>
      </Parts.Positioner>
    </Parts.Portal>
  </Parts.Root>
)
