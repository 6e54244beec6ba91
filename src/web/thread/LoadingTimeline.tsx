/** The place of a timeline that is not there yet. It shows lines in place of text only after a moment, so that most never do. */
import type { ReactNode } from "react"
import { VisuallyHidden } from "../design/VisuallyHidden.tsx"
import { useMessages } from "../language/Language.ts"
import style from "./LoadingTimeline.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"

/** Widths of the lines, in hundredths. */
const rows = [[30, 92, 64], [22, 80, 38], [36, 70, 52]]

/** The timeline while it loads. */
export const LoadingTimeline = (): ReactNode => {
  const messages = useMessages(threadPageMessages)
  return (
    <div className={style.loading}>
      <div role="status">
        <VisuallyHidden>{messages.loading}</VisuallyHidden>
      </div>
      <div className={style.rows} aria-hidden="true">
        {rows.map((widths, row) => (
          <div key={row} className={style.row}>
            <span className={style.face} />
            {widths.map((width, line) => <span key={line} className={style.line} style={{ width: `${width}%` }} />)}
          </div>
        ))}
      </div>
    </div>
  )
}
