/** Dialogs. What they are made of is loaded when the first one opens. */
import type { ReactNode, RefObject } from "react"
import { cardPart, type PopupProps } from "./popups.ts"

/** What a dialog is made of. */
export interface DialogProps extends PopupProps {
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
export const Dialog = ({ initialFocus = true, role = "dialog", ...props }: DialogProps): ReactNode => (
  <cardPart.Part {...props} role={role} initialFocus={initialFocus} />
)
