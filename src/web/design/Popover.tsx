/** A small card beside a button. */
import { lazy, type ReactElement, type ReactNode, Suspense } from "react"
import { popups } from "./popups.ts"
import { useTrigger } from "./useTrigger.ts"

const Popup = lazy(() => popups.popover().then(({ PopoverPopup }) => ({ default: PopoverPopup })))

/** Opens from `trigger`, a button, and is no dialog one must answer: the page stays usable. */
export const Popover = ({ children, label, trigger }: {
  readonly trigger: ReactElement
  /** The name of the card. */
  readonly label: string
  readonly children: ReactNode
}): ReactNode => {
  const [button, popup] = useTrigger(trigger, "dialog", popups.popover)
  return (
    <>
      {button}
      {popup !== undefined && (
        <Suspense fallback={null}>
          <Popup {...popup} label={label}>{children}</Popup>
        </Suspense>
      )}
    </>
  )
}
