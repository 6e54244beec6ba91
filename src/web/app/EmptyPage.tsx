/** The pages that say in words why there is nothing else. */
import type { ReactNode } from "react"
import { Button } from "../design/Button.tsx"
import { useMessages } from "../language/Language.ts"
import { appMessages } from "./AppMessages.ts"
import style from "./EmptyPage.module.css"

/** Beside the list while no thread is open. */
export const NoThread = ({ onNewThread }: { readonly onNewThread: () => void }): ReactNode => {
  const messages = useMessages(appMessages)
  return (
    <main className={style.page} tabIndex={-1}>
      <h1 className={style.title}>{messages.noThreadTitle}</h1>
      <p className={style.text}>{messages.noThreadText}</p>
      <Button variant="go" icon="plus" onClick={onNewThread}>{messages.newThread}</Button>
    </main>
  )
}

/** In place of a part that has failed. */
export const BrokenPage = (): ReactNode => {
  const messages = useMessages(appMessages)
  return (
    <main className={style.page} tabIndex={-1}>
      <h1 className={style.title}>{messages.brokenTitle}</h1>
      <p className={style.text}>{messages.brokenText}</p>
      <Button variant="go" icon="again" onClick={() => location.reload()}>{messages.reload}</Button>
    </main>
  )
}

/** While the chunk of a part loads; in words only after a moment. */
export const LoadingPage = (): ReactNode => {
  const messages = useMessages(appMessages)
  return (
    <main className={style.page} aria-busy="true" tabIndex={-1}>
      <p className={style.loading} role="status">{messages.loading}</p>
    </main>
  )
}
