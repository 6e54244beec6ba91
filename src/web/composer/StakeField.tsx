/** The stake of a submission: how much, and what becomes of it (THR2, THR4). */
import type { ReactNode } from "react"
import { threadLimits } from "../../domain/thread/ThreadGuards.ts"
import { TextField } from "../design/TextField.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { composerMessages, problemText } from "./ComposerMessages.ts"
import { stakeProblem } from "./composition.ts"
import style from "./StakeField.module.css"

/** The field for the stake, with how much its author may stake. */
export const StakeField = ({ balance, onChange, stake }: {
  readonly stake: string
  /** The author's tokens; undefined if they are not known. */
  readonly balance: number | undefined
  readonly onChange: (stake: string) => void
}): ReactNode => {
  const messages = useMessages(composerMessages)
  const format = useFormat()
  const problem = stakeProblem({ isCoAuthor: false, stake, balance })
  const minimum = format.number(threadLimits.minimumStake)
  return (
    <div className={style.stake}>
      <TextField
        label={messages.stake}
        inline
        type="number"
        inputMode="numeric"
        min={threadLimits.minimumStake}
        max={balance}
        step={1}
        value={stake}
        hint={balance === undefined ? messages.atLeast(minimum) : messages.stakeHint(minimum, format.tokens(balance))}
        error={problem === undefined ? undefined : problemText(problem, messages, format)}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  )
}

/** What a submission is, and what becomes of its stake; `wantsToAsk`: also that its author cannot ask the Chorus. */
export const SubmissionNote = (
  { id, wantsToAsk }: { readonly id: string; readonly wantsToAsk: boolean }
): ReactNode => {
  const messages = useMessages(composerMessages)
  const format = useFormat()
  return (
    <div className={style.note}>
      {wantsToAsk && <p role="status">{messages.askIsForCoAuthors}</p>}
      <details>
        <summary id={id}>{messages.submissionNote}</summary>
        <p>{messages.submissionFate}</p>
        <ul>
          {messages.stakeFates(format.remaining(threadLimits.submissionTtlMillis)).map((fate) => (
            <li key={fate}>{fate}</li>
          ))}
        </ul>
      </details>
    </div>
  )
}
