/** The text field of the composer. It grows with its text; keys send, break the line, or leave the question. */
import { type ComponentProps, type KeyboardEvent, type ReactNode, useId } from "react"
import { VisuallyHidden } from "../design/VisuallyHidden.tsx"
import { usePreferences } from "../storage/preferences.ts"
import style from "./ComposerField.module.css"
import { isSendKey, useIsTouch } from "./sendKey.ts"

/** A text area with its label. `onErase` is called for Backspace on an empty field. */
export const ComposerField = ({ label, onErase, onSend, onTextChange, ...props }: ComponentProps<"textarea"> & {
  readonly label: string
  readonly value: string
  readonly onTextChange: (text: string) => void
  readonly onSend: () => void
  readonly onErase: () => void
}): ReactNode => {
  const inputId = useId()
  const { sendKey } = usePreferences()
  const isTouch = useIsTouch()
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Backspace" && props.value === "") onErase()
    if (!isSendKey(event.nativeEvent, sendKey, isTouch)) return
    event.preventDefault()
    onSend()
  }
  return (
    <>
      <VisuallyHidden>
        <label htmlFor={inputId}>{label}</label>
      </VisuallyHidden>
      <textarea
        {...props}
        id={inputId}
        className={style.field}
        rows={1}
        dir="auto"
        enterKeyHint={sendKey === "enter" && !isTouch ? "send" : "enter"}
        onKeyDown={onKeyDown}
        onChange={(event) => onTextChange(event.target.value)}
      />
    </>
  )
}
