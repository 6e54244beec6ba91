/** Boxes to check: the browser's own, in the page's colours. */
import type { ReactNode } from "react"
import style from "./Choice.module.css"

/** A box to check and its label. */
export const Checkbox = ({ checked, label, onCheckedChange }: {
  readonly label: ReactNode
  readonly checked: boolean
  readonly onCheckedChange: (checked: boolean) => void
}): ReactNode => (
  <label className={style.choice}>
    <input
      type="checkbox"
      checked={checked}
      onChange={(event) => onCheckedChange(event.target.checked)}
    />
    <span>{label}</span>
  </label>
)
