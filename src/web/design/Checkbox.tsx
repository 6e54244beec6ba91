/** Boxes to check: the browser's own, in the page's colours. */
import type { ReactNode } from "react"
import style from "./Choice.module.css"

/** A box to check and its label. */
export const Checkbox = ({ checked, disabled, label, onCheckedChange }: {
  readonly label: ReactNode
  readonly checked: boolean
  readonly onCheckedChange: (checked: boolean) => void
  readonly disabled?: boolean | undefined
}): ReactNode => (
  <label className={style.choice}>
    <input
      type="checkbox"
      checked={checked}
      disabled={disabled}
      onChange={(event) => onCheckedChange(event.target.checked)}
    />
    <span>{label}</span>
  </label>
)
