/** A menu that opens from a button, which works before the part of the menu is loaded. */
import {
  cloneElement,
  type KeyboardEvent,
  type ReactElement,
  type ReactNode,
  type RefObject,
  useCallback,
  useId,
  useRef,
  useState
} from "react"
import type { IconName } from "./Icon.tsx"
import { menuPart } from "./popups.ts"

/** A command of a menu. */
export interface MenuItem {
  readonly label: string
  readonly icon?: IconName | undefined
  readonly onSelect: () => void
  readonly danger?: boolean | undefined
}

/** The commands behind one button. */
export const Menu = ({ items, label, trigger }: {
  /** The name of the menu. */
  readonly label: string
  readonly trigger: ReactElement
  readonly items: ReadonlyArray<MenuItem>
}): ReactNode => {
  const [button, popup] = useTrigger(trigger)
  return (
    <>
      {button}
      <menuPart.Part {...popup} label={label} items={items} />
    </>
  )
}

/** What the list needs to know of its button. */
export interface TriggerState {
  /** For `aria-controls`. */
  readonly id: string
  readonly anchor: RefObject<HTMLElement | null>
  readonly open: boolean
  readonly onOpenChange: (open: boolean, details?: OpenChange) => void
}

interface OpenChange {
  readonly event: Event
  readonly cancel: () => void
}

const prepare = (): void => void menuPart.preload().catch(() => {})

/** A button with what opens the list; and the state of the list. */
const useTrigger = (trigger: ReactElement): readonly [button: ReactElement, list: TriggerState] => {
  const id = useId()
  const anchor = useRef<HTMLElement>(null)
  const [open, setOpen] = useState(false)
  const onOpenChange = useCallback((open: boolean, details?: OpenChange) => {
    // A press on the button is its own: its click closes what a press outside would have closed before.
    if (details?.event.target instanceof Node && anchor.current?.contains(details.event.target) === true) {
      details.cancel()
    } else setOpen(open)
  }, [])
  const button = cloneElement(trigger as ReactElement<Record<string, unknown>>, {
    ref: anchor,
    "aria-haspopup": "menu",
    "aria-expanded": open,
    "aria-controls": open ? id : undefined,
    onPointerEnter: prepare,
    onFocus: prepare,
    onClick: () => setOpen(!open),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== "ArrowDown") return
      event.preventDefault()
      setOpen(true)
    }
  })
  return [button, { id, anchor, open, onOpenChange }]
}
