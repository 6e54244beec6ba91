/** The stake of a submission: how much, and what becomes of it (THR2, THR4). */
import { type ReactNode, useId } from "react"
import { threadLimits } from "../../domain/thread/ThreadGuards.ts"
import { TextField } from "../design/TextField.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { composerMessages, problemText } from "./ComposerMessages.ts"
import { stakeProblem } from "./composition.ts"
import style from "./StakeField.module.css"

/** The field for the stake, with what its author may stake and what happens to it. */
export const StakeField = ({ balance, onChange, stake }: {
  readonly stake: string
  /** The author's tokens; undefined if they are not known. */
  readonly balance: number | undefined
  readonly onChange: (stake: string) => void
}): ReactNode => {
  const words = useMessages(composerMessages)
  const format = useFormat()
  const noticeId = useId()
  const problem = stakeProblem({ isCoAuthor: false, stake, balance })
  const minimum = format.number(threadLimits.minimumStake)
  return (
    <div className={style.stake}>
      <p id={noticeId} className={style.notice}>{words.submissionNotice}</p>
      <TextField
        label={words.stake}
        type="number"
        inputMode="numeric"
        min={threadLimits.minimumStake}
        max={balance}
        step={1}
        value={stake}
        hint={balance === undefined ? minimum : words.stakeHint(minimum, format.tokens(balance))}
        error={problem === undefined ? undefined : problemText(problem, words, format)}
        onChange={(event) => onChange(event.target.value)}
      />
      <details className={style.fate}>
        <summary>{words.stakeFate}</summary>
        <ul>
          {words.stakeFates(format.remaining(threadLimits.submissionTtlMillis)).map((fate) => <li key={fate}>{fate}
          </li>)}
        </ul>
      </details>
    </div>
  )
}
