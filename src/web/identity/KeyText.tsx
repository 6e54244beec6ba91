/** A key or a secret as text. */
import type { ReactNode } from "react"
import style from "./KeyText.module.css"

/** The text, which breaks anywhere. */
export const KeyText = ({ text }: { readonly text: string }): ReactNode => (
  <code className={style.key} dir="ltr">{text}</code>
)
