/** Folds a text that is longer than a screen, until its reader opens it. */
import { type ReactNode, useState } from "react"
import { Button } from "../design/Button.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import style from "./Fold.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"

/** A text beyond either of these is folded. */
const maxLines = 40
const maxLength = 4_000

/** Which texts are open, by id, for as long as the page: a row that leaves the document and returns is as it was. */
const opened = new Set<string>()

/** The text, whole or its beginning with a button for the rest. Everything of it is in the document in either case. */
export const Fold = (
  { children, id, text }: { readonly id: string; readonly text: string; readonly children: ReactNode }
): ReactNode => {
  const format = useFormat()
  const messages = useMessages(threadPageMessages)
  const [isOpen, setOpen] = useState(() => opened.has(id))
  const lines = text.length > maxLength || text.includes("\n") ? text.split("\n").length : 1
  if (isOpen || lines <= maxLines && text.length <= maxLength) return children
  const open = () => {
    opened.add(id)
    setOpen(true)
  }
  return (
    <>
      {/* What receives the focus inside is shown: the box scrolls to it, and so opens instead. */}
      <div className={style.folded} onFocus={open}>{children}</div>
      <Button variant="quiet" icon="down" onClick={open}>{messages.showAll(format.number(lines), lines === 1)}</Button>
    </>
  )
}
