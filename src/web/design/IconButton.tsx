/** Buttons that are an icon. */
import type { ComponentProps, ReactNode } from "react"
import style from "./Button.module.css"
import { Icon, type IconName } from "./Icon.tsx"

/** A button that shows an icon only. `label` is its name, and what the pointer reads. */
export const IconButton = ({ className = "", icon, label, ...props }: ComponentProps<"button"> & {
  readonly icon: IconName
  readonly label: string
}): ReactNode => (
  <button type="button" title={label} {...props} aria-label={label} className={`${style.iconButton} ${className}`}>
    <Icon name={icon} />
  </button>
)
