/** A choice that is on or off. */
import type { ReactNode } from "react"
import style from "./Chip.module.css"
import { Icon, type IconName } from "./Icon.tsx"

/** A button that stays pressed. The check mark says so, not the colour alone. */
export const Chip = ({ children, icon, onPressedChange, pressed }: {
  readonly pressed: boolean
  readonly onPressedChange: (pressed: boolean) => void
  readonly icon?: IconName | undefined
  readonly children: ReactNode
}): ReactNode => (
  <button
    type="button"
    className={style.chip}
    aria-pressed={pressed}
    onClick={() => onPressedChange(!pressed)}
  >
    {pressed ? <Icon name="check" /> : icon !== undefined && <Icon name={icon} />}
    {children}
  </button>
)
