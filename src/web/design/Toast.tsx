/** One sentence at the bottom of the page about what has just been done, with a way back. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from "react"
import { createPortal } from "react-dom"
import { Button } from "./Button.tsx"
import style from "./Toast.module.css"

interface ToastAction {
  readonly label: string
  readonly onSelect: () => void
}

interface ToastContent {
  readonly text: string
  readonly action: ToastAction | undefined
}

/** Shows a sentence, perhaps with a button, in place of the one before. */
export type ShowToast = (text: string, action?: ToastAction) => void

const ToastContext = createContext<ShowToast>(() => {})

/** How long a sentence stands, in milliseconds. */
export const toastMillis = 6_000

/** Shows the sentences of the components below it. */
export const ToastProvider = ({ children }: { readonly children: ReactNode }): ReactNode => {
  const [toast, setToast] = useState<ToastContent>()
  const [isHeld, setHeld] = useState(false)
  const show = useCallback<ShowToast>((text, action) => setToast({ text, action }), [])
  const hide = () => {
    setToast(undefined)
    setHeld(false)
  }
  useEffect(() => {
    if (toast === undefined || isHeld) return
    const timer = setTimeout(() => setToast(undefined), toastMillis)
    return () => clearTimeout(timer)
  }, [toast, isHeld])
  return (
    <ToastContext value={show}>
      {children}
      {createPortal(
        // Always there: what appears inside of it is read out, which a new status is not everywhere.
        <div role="status" className={style.place}>
          {toast !== undefined && (
            <div
              className={style.toast}
              onPointerEnter={() => setHeld(true)}
              onPointerLeave={() => setHeld(false)}
              onFocus={() => setHeld(true)}
              onBlur={() => setHeld(false)}
            >
              <span className={style.text}>{toast.text}</span>
              {toast.action !== undefined && (
                <Button
                  className={style.action}
                  onClick={() => {
                    hide()
                    toast.action?.onSelect()
                  }}
                >
                  {toast.action.label}
                </Button>
              )}
            </div>
          )}
        </div>,
        document.body
      )}
    </ToastContext>
  )
}

/** Shows sentences at the bottom of the page. */
export const useToast = (): ShowToast => useContext(ToastContext)
