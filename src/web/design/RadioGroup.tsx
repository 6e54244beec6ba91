/** One of several values: the browser's own circles, in the page's colours. */
import { type ReactNode, useId } from "react"
import style from "./Choice.module.css"

/** One of several values, each with its label and perhaps a hint. */
export const RadioGroup = <V extends string>({ legend, onValueChange, options, value }: {
  readonly legend: ReactNode
  readonly value: V
  readonly onValueChange: (value: V) => void
  readonly options: ReadonlyArray<{ readonly value: V; readonly label: ReactNode; readonly hint?: ReactNode }>
}): ReactNode => {
  const id = useId()
  return (
    <fieldset className={style.group}>
      <legend className={style.legend}>{legend}</legend>
      {options.map((option) => (
        <label key={option.value} className={style.choice}>
          <input
            type="radio"
            name={id}
            value={option.value}
            checked={option.value === value}
            aria-describedby={option.hint === undefined ? undefined : `${id}-${option.value}`}
            onChange={() => onValueChange(option.value)}
          />
          <span>
            {option.label}
            {option.hint !== undefined && <span id={`${id}-${option.value}`} className={style.hint}>{option.hint}
            </span>}
          </span>
        </label>
      ))}
    </fieldset>
  )
}
