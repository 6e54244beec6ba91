/** A small card beside a button. */
import type { ReactElement, ReactNode } from "react"
import { popups, usePopup } from "./popups.ts"
import { useTrigger } from "./useTrigger.ts"

/** Opens from `trigger`, a button, and is no dialog one must answer: the page stays usable. */
export const Popover = ({ children, label, trigger }: {
  readonly trigger: ReactElement
  /** The name of the card. */
  readonly label: string
  readonly children: ReactNode
}): ReactNode => {
  const [button, popup] = useTrigger(trigger, "dialog", popups.popover.load)
  const Popup = usePopup(popups.popover, popup !== undefined)
  return (
    <>
      {button}
      {popup !== undefined && Popup !== undefined && <Popup {...popup} label={label}>{children}</Popup>}
    </>
  )
}
