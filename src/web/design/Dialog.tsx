/** Dialogs. What they are made of is loaded when the first one opens. */
import { type ReactNode, type RefObject, useState } from "react"
import { popups, usePopup } from "./popups.ts"

/** What a dialog is made of. */
export interface DialogProps {
  readonly open: boolean
  readonly onOpenChange: (open: boolean) => void
  readonly title: ReactNode
  readonly description?: ReactNode
  readonly children?: ReactNode
  /** The buttons. */
  readonly footer?: ReactNode
  /** What has the focus first, if it is not the first control. */
  readonly initialFocus?: RefObject<HTMLElement | null> | true
  /** `alertdialog` asks for an answer: a click beside it is none. */
  readonly role?: "dialog" | "alertdialog"
}

/** A dialog that keeps the focus until it is closed; Escape, its cross and a click beside it close it. */
export const Dialog = ({ initialFocus = true, role = "dialog", ...props }: DialogProps): ReactNode => {
  // Once it has been open it stays, so that its closing can be seen and the focus goes back.
  const [wasOpened, setWasOpened] = useState(props.open)
  if (props.open && !wasOpened) setWasOpened(true)
  const Card = usePopup(popups.dialog, wasOpened)
  return Card === undefined ? null : <Card {...props} role={role} initialFocus={initialFocus} />
}
