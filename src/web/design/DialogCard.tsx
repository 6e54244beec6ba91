/** The card of a dialog: in the middle, on a narrow screen a sheet from below. */
import { Dialog as Parts } from "@base-ui/react/dialog"
import type { ReactNode } from "react"
import { useMessages } from "../language/Language.ts"
import { designMessages } from "./DesignMessages.ts"
import style from "./Dialog.module.css"
import type { DialogProps } from "./Dialog.tsx"
import { IconButton } from "./IconButton.tsx"

/** The card, open or about to close. */
export const DialogCard = (
  { children, description, footer, initialFocus, onOpenChange, open, role, title }:
    & DialogProps
    & Required<Pick<DialogProps, "initialFocus" | "role">>
): ReactNode => {
  const messages = useMessages(designMessages)
  return (
    <Parts.Root
      open={open}
      onOpenChange={(next) => onOpenChange(next)}
      disablePointerDismissal={role === "alertdialog"}
    >
      <Parts.Portal>
        <Parts.Backdrop className={style.veil} />
        <Parts.Viewport className={style.place}>
          <Parts.Popup className={style.card} role={role} initialFocus={initialFocus}>
            <Parts.Title className={style.title}>{title}</Parts.Title>
            {description !== undefined && (
              <Parts.Description className={style.description} render={<div />}>{description}</Parts.Description>
            )}
            <div className={style.body}>{children}</div>
            {footer !== undefined && <footer className={style.footer}>{footer}</footer>}
            {/* Last, so that the first field has the focus. */}
            <Parts.Close className={style.close} render={<IconButton icon="x" label={messages.close} />} />
          </Parts.Popup>
        </Parts.Viewport>
      </Parts.Portal>
    </Parts.Root>
  )
}
