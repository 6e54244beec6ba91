/** The place of a thread that is not there yet. It shows lines in place of text only after a moment, so that most never do. */
import type { ReactNode } from "react"
import { VisuallyHidden } from "../design/VisuallyHidden.tsx"
import { useMessages } from "../language/Language.ts"
import style from "./LoadingThread.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"

/** Widths of the lines, in hundredths. */
const rows = [[30, 92, 64], [22, 80, 38], [36, 70, 52]]

/** The page of a thread while it loads. */
export const LoadingThread = (): ReactNode => {
  const messages = useMessages(threadPageMessages)
  return (
    <main className={style.loading} aria-busy="true">
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
    </main>
  )
}
