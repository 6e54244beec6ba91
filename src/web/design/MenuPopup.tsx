/** The list of a menu. */
import { Menu as Parts } from "@base-ui/react/menu"
import type { ReactNode } from "react"
import { Icon } from "./Icon.tsx"
import style from "./Menu.module.css"
import type { MenuItem, TriggerState } from "./Menu.tsx"

/** The first command has the focus, whatever has opened the menu: in the frame in which the menu itself would take it. */
const focusOnOpen = (element: HTMLElement | null): void => {
  if (element !== null) requestAnimationFrame(() => element.focus())
}

/** The list, open or about to close. */
export const MenuPopup = ({ anchor, id, items, label, onOpenChange, open }: TriggerState & {
  readonly label: string
  readonly items: ReadonlyArray<MenuItem>
}): ReactNode => (
  <Parts.Root open={open} onOpenChange={onOpenChange} modal={false}>
    <Parts.Portal>
      <Parts.Positioner anchor={anchor} align="end" sideOffset={4} collisionPadding={8}>
        <Parts.Popup id={id} className={style.menu} aria-label={label} finalFocus={anchor}>
          {items.map((item, index) => (
            <Parts.Item
              key={item.label}
              ref={index === 0 ? focusOnOpen : undefined}
              className={`${style.item} ${item.danger === true ? style.danger : ""}`}
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
