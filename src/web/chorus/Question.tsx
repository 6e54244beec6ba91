/** The question of a run, as a heading; a long one is folded. */
import { type ReactNode, useState } from "react"
import { Button } from "../design/Button.tsx"
import { useMessages } from "../language/Language.ts"
import { Markdown } from "../text/Markdown.tsx"
import { chorusMessages } from "./ChorusMessages.ts"
import style from "./Question.module.css"

/** A question beyond either of these is folded: more than this is no heading. */
const maxLength = 400
const maxLines = 5

/** The question. All of it is in the document in either case. */
export const Question = ({ text }: { readonly text: string }): ReactNode => {
  const messages = useMessages(chorusMessages)
  const isLong = text.length > maxLength || text.split("\n", maxLines + 1).length > maxLines
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      {/* A heading element cannot hold the lists and code of a question. */}
      <div
        role="heading"
        aria-level={2}
        className={style.question}
        data-folded={isLong && !isOpen || undefined}
        onFocus={() => setOpen(true)}
      >
        <Markdown text={text} />
      </div>
      {isLong && !isOpen && (
        <Button variant="quiet" icon="down" onClick={() => setOpen(true)}>{messages.wholeQuestion}</Button>
      )}
    </>
  )
}
