/** Buttons with words. */
import type { ComponentProps, ReactNode } from "react"
import style from "./Button.module.css"
import { Icon, type IconName } from "./Icon.tsx"

/** What a button means: `go` is the one to press, `voice` speaks to the Chorus, `danger` cannot be undone. */
export type ButtonVariant = "plain" | "go" | "quiet" | "danger" | "voice"

/** A button with a word on it, perhaps after an icon. */
export const Button = ({ children, className = "", icon, variant = "plain", ...props }: ComponentProps<"button"> & {
  readonly variant?: ButtonVariant | undefined
  readonly icon?: IconName | undefined
}): ReactNode => (
  <button type="button" {...props} className={`${style.button} ${style[variant]} ${className}`}>
    {icon !== undefined && <Icon name={icon} />}
    {children}
  </button>
)
