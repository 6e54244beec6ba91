/** How a run ended without an answer: it failed, or somebody stopped it. What it wrote until then stays. */
import type { ReactNode } from "react"
import type { PlainRun } from "../../domain/chorus/ChorusModel.ts"
import { Button } from "../design/Button.tsx"
import { Icon } from "../design/Icon.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { formatError } from "../language/people.ts"
import { Markdown } from "../text/Markdown.tsx"
import { chorusMessages } from "./ChorusMessages.ts"
import style from "./RunEnd.module.css"
import { useMayAskAgain } from "./useMayAskAgain.ts"

/** The end of a failed or cancelled run. */
export const RunEnd = ({ onAskAgain, run }: { readonly run: PlainRun; readonly onAskAgain: () => void }): ReactNode => {
  const messages = useMessages(chorusMessages)
  const mayAskAgain = useMayAskAgain(run)
  return (
    <>
      {run.status === "failed" ? <Failure run={run} /> : <Cancellation run={run} />}
      {mayAskAgain && (
        <Button variant={run.status === "failed" ? "voice" : "plain"} icon="again" onClick={onAskAgain}>
          {messages.askAgain}
        </Button>
      )}
    </>
  )
}

const Failure = ({ run: { current_step, error_state, steps } }: { readonly run: PlainRun }): ReactNode => {
  const messages = useMessages(chorusMessages)
  return (
    <div className={style.failure}>
      <p>
        <Icon name="alert" />
        <strong>{messages.stoppedAt(messages.step[current_step])}</strong>
      </p>
      <p className={style.reason}>
        {error_state !== null && messages.failure[error_state._tag]} {steps.length > 0 && messages.kept}
      </p>
      {/* The words of the server or of the model's provider, which are not translated. */}
      {error_state !== null && <p className={style.detail} lang="en" dir="auto">{formatError(error_state.message)}</p>}
    </div>
  )
}

const Cancellation = ({ run: { ended_at, partial } }: { readonly run: PlainRun }): ReactNode => {
  const format = useFormat()
  const messages = useMessages(chorusMessages)
  const time = ended_at === null ? "" : format.shortTime(ended_at)
  return (
    <>
      {partial !== null && <Markdown text={partial} voice="serif" />}
      <p className={style.cancelled}>
        <Icon name="stop" size="s" />
        {partial === null ? messages.cancelledBefore(time) : messages.cancelled(time)}
      </p>
    </>
  )
}
