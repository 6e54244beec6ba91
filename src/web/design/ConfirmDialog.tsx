/** A question before something is done. */
import { type ReactNode, useRef } from "react"
import { Button } from "./Button.tsx"
import { Dialog, type DialogProps } from "./Dialog.tsx"

/** Asks before something is done. The harmless answer has the focus, and a click beside the dialog is no answer. */
export const ConfirmDialog = (
  { cancelLabel, children, confirmLabel, danger = false, onConfirm, onOpenChange, open, title }:
    & Pick<DialogProps, "open" | "onOpenChange" | "title">
    & {
      readonly children: ReactNode
      readonly confirmLabel: string
      readonly cancelLabel: string
      readonly danger?: boolean | undefined
      readonly onConfirm: () => void
    }
): ReactNode => {
  const harmless = useRef<HTMLButtonElement>(null)
  return (
    <Dialog
      role="alertdialog"
      open={open}
      onOpenChange={onOpenChange}
      title={title}
      description={children}
      initialFocus={harmless}
      footer={
        <>
          <Button ref={harmless} onClick={() => onOpenChange(false)}>{cancelLabel}</Button>
          <Button
            variant={danger ? "danger" : "go"}
            onClick={() => {
              onOpenChange(false)
              onConfirm()
            }}
          >
            {confirmLabel}
          </Button>
        </>
      }
    />
  )
}
