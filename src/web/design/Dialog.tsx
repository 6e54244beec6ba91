/** Dialogs: a card in the middle, on a narrow screen a sheet from below. */
import { Dialog as Parts } from "@base-ui/react/dialog"
import type { ReactNode, RefObject } from "react"
import { useMessages } from "../language/Language.ts"
import { designMessages } from "./DesignMessages.ts"
import style from "./Dialog.module.css"
import { IconButton } from "./IconButton.tsx"

/** What a dialog is made of. */
export interface DialogProps {
  readonly open: boolean
  readonly onOpenChange: (open: boolean) => void
  readonly title: ReactNode
  readonly description?: ReactNode
  readonly children?: ReactNode
  /** The buttons. */
  readonly footer?: ReactNode
}

/** The card of a dialog, which is either open to other answers or asks for one. */
export const DialogCard = (
  { children, description, footer, initialFocus, onOpenChange, open, role, title }: DialogProps & {
    readonly role: "dialog" | "alertdialog"
    readonly initialFocus: RefObject<HTMLElement | null> | true
  }
): ReactNode => {
  const words = useMessages(designMessages)
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
            <header className={style.header}>
              <Parts.Title className={style.title}>{title}</Parts.Title>
              <Parts.Close render={<IconButton icon="x" label={words.close} />} />
            </header>
            {description !== undefined && (
              <Parts.Description className={style.description}>{description}</Parts.Description>
            )}
            <div className={style.body}>{children}</div>
            {footer !== undefined && <footer className={style.footer}>{footer}</footer>}
          </Parts.Popup>
        </Parts.Viewport>
      </Parts.Portal>
    </Parts.Root>
  )
}

/** A dialog that keeps the focus until it is closed; Escape, its cross and a click beside it close it. */
export const Dialog = (props: DialogProps): ReactNode => <DialogCard {...props} role="dialog" initialFocus={true} />
