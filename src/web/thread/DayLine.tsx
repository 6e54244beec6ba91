/** The day, above its first row. */
import type { ReactNode } from "react"
import { useFormat } from "../language/Language.ts"
import style from "./DayLine.module.css"

/** The line of a day. */
export const DayLine = ({ at }: { readonly at: number }): ReactNode => {
  const format = useFormat()
  return (
    <p className={style.day}>
      <span>{format.day(at)}</span>
    </p>
  )
}
