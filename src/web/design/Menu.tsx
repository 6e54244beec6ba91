/** A list of commands behind a button. */
import { Menu as Parts } from "@base-ui/react/menu"
import type { ReactElement, ReactNode } from "react"
import { Icon, type IconName } from "./Icon.tsx"
import style from "./Menu.module.css"

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
}): ReactNode => (
  <Parts.Root modal={false}>
    <Parts.Trigger render={trigger} />
    <Parts.Portal>
      <Parts.Positioner align="end" sideOffset={4} className={style.place}>
        <Parts.Popup className={style.menu} aria-label={label}>
          {items.map((item) => (
            <Parts.Item
              key={item.label}
              className={`${style.item} ${item.danger === true ? style.danger : ""}`}
              disabled={item.disabled ?? false}
              onClick={item.onSelect}
            >
              {item.icon !== undefined && <Icon name={item.icon} />}
              {item.label}
            </Parts.Item>
          ))}
        </Parts.Popup>
      </Parts.Positioner>
    </Parts.Portal>
  </Parts.Root>
)
