/** What has just gone wrong, in a sentence that is read out at once. */
import type { ReactNode } from "react"
import style from "./ErrorText.module.css"
import { Icon } from "./Icon.tsx"

/** The sentence; nothing without one. */
export const ErrorText = (
  { children, id }: { readonly children: string | undefined; readonly id?: string }
): ReactNode =>
  children !== undefined && (
    <p id={id} className={style.error} role="alert">
      <Icon name="alert" />
      {children}
    </p>
  )
