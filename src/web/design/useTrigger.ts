/** The button that opens a menu or popover, which works before the parts of these are loaded. */
import {
  cloneElement,
  type KeyboardEvent,
  type ReactElement,
  type RefObject,
  useCallback,
  useId,
  useRef,
  useState
} from "react"

/** What a popup needs to know of its button. */
export interface TriggerState {
  /** For `aria-controls`. */
  readonly id: string
  readonly anchor: RefObject<HTMLElement | null>
  readonly open: boolean
  readonly onOpenChange: (open: boolean, details: OpenChange) => void
}

interface OpenChange {
  readonly event: Event
  readonly cancel: () => void
}

/** A button with what opens its popup, which `kind` names; and the state of that popup, once it has been open. */
export const useTrigger = (
  trigger: ReactElement,
  kind: "menu" | "dialog",
  preload: () => Promise<unknown>
): readonly [trigger: ReactElement, popup: TriggerState | undefined] => {
  const id = useId()
  const anchor = useRef<HTMLElement>(null)
  const [open, setOpen] = useState<boolean>()
  const onOpenChange = useCallback((open: boolean, details: OpenChange) => {
    // A press on the button is its own: its click closes what a press outside would have closed before.
    if (details.event.target instanceof Node && anchor.current?.contains(details.event.target) === true) {
      details.cancel()
    } else setOpen(open)
  }, [])
  const prepare = () => void preload().catch(() => {})
  const button = cloneElement(trigger as ReactElement<Record<string, unknown>>, {
    ref: anchor,
    "aria-haspopup": kind,
    "aria-expanded": open === true,
    "aria-controls": open === true ? id : undefined,
    onPointerEnter: prepare,
    onFocus: prepare,
    onClick: () => setOpen(open !== true),
    onKeyDown: (event: KeyboardEvent) => {
      if (kind !== "menu" || event.key !== "ArrowDown") return
      event.preventDefault()
      setOpen(true)
    }
  })
  return [button, open === undefined ? undefined : { id, anchor, open, onOpenChange }]
}
