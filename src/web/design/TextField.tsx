/** One line of text to fill in. */
import { type ComponentProps, type ReactNode, useId } from "react"
import { Icon } from "./Icon.tsx"
import style from "./TextField.module.css"

/** An input with its label, a hint, and what is wrong with it. */
export const TextField = (
  { error, hint, inline = false, label, ...props }: ComponentProps<"input"> & {
    readonly label: string
    /** Label, input and hint stand in one row, where there is room; for short inputs. */
    readonly inline?: boolean | undefined
    readonly hint?: ReactNode
    readonly error?: ReactNode
  }
): ReactNode => {
  const id = useId()
  const isFaulty = error !== undefined && error !== null && error !== ""
  const note = isFaulty ? error : hint
  return (
    <div className={inline ? style.inline : style.field}>
      <label className={style.label} htmlFor={props.id ?? id}>{label}</label>
      <input
        dir="auto"
        {...props}
        id={props.id ?? id}
        className={style.input}
        aria-invalid={isFaulty || undefined}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
      />
      {note !== undefined && (
        <p id={`${id}-note`} className={isFaulty ? style.error : style.hint}>
          {isFaulty && <Icon name="alert" />}
          {note}
        </p>
      )}
    </div>
  )
}
