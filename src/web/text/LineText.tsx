/** A text within a line, and the note where a text was erased (TOP10). */
import type { ReactNode } from "react"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { Icon } from "../design/Icon.tsx"
import { useMessages } from "../language/Language.ts"
import style from "./LineText.module.css"
import { textMessages } from "./TextMessages.ts"

/** Says that a text was erased. */
export const ErasedNote = (): ReactNode => {
  const { erased } = useMessages(textMessages)
  return (
    <em className={style.erased}>
      <Icon name="erase" />
      {erased}
    </em>
  )
}

/** A text within a line, as it was written; a note in its place if it was erased. */
export const LineText = ({ text }: { readonly text: string }): ReactNode =>
  text === erasedMark ? <ErasedNote /> : <bdi>{text}</bdi>
