/** A list of commands behind a button. */
import type { ReactElement, ReactNode } from "react"
import type { IconName } from "./Icon.tsx"
import { popups, usePopup } from "./popups.ts"
import { useTrigger } from "./useTrigger.ts"

/** A command of a menu. */
export interface MenuItem {
  readonly label: string
  readonly icon?: IconName | undefined
  readonly onSelect: () => void
  readonly danger?: boolean | undefined
  readonly disabled?: boolean | undefined
}

/** Opens from `trigger`, a button; arrow keys, first letters and Escape work as in the menus of the system. */
export const Menu = ({ items, label, trigger }: {
  /** The name of the menu. */
  readonly label: string
  readonly trigger: ReactElement
  readonly items: ReadonlyArray<MenuItem>
}): ReactNode => {
  const [button, popup] = useTrigger(trigger, "menu", popups.menu.load)
  const Popup = usePopup(popups.menu, popup !== undefined)
  return (
    <>
      {button}
      {popup !== undefined && Popup !== undefined && <Popup {...popup} label={label} items={items} />}
    </>
  )
}
