/** The one line of how an answer was made: it opens the record. */
import type { ReactNode, Ref } from "react"
import { type PlainRun, steps } from "../../domain/chorus/ChorusModel.ts"
import { isFinished } from "../../domain/chorus/ChorusRun.ts"
import { Icon } from "../design/Icon.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { chorusMessages } from "./ChorusMessages.ts"
import style from "./RunSummary.module.css"
import { StepDots } from "./StepDots.tsx"

/** The time that the steps of a run took, in milliseconds. */
export const thinkingTime = ({ steps }: PlainRun): number => steps.reduce((sum, { usage }) => sum + usage.latency_ms, 0)

/** The line. While the run thinks it says so without numbers, which would only flicker. */
export const RunSummary = ({ hasTrack, isOpen, onToggle, ref, run, sourceCount }: {
  readonly run: PlainRun
  /** Whether the steps stand above it. */
  readonly hasTrack: boolean
  readonly sourceCount: number
  readonly isOpen: boolean
  readonly onToggle: () => void
  readonly ref: Ref<HTMLButtonElement>
}): ReactNode => {
  const format = useFormat()
  const messages = useMessages(chorusMessages)
  const done = run.status === "yielded" ? steps.length : steps.indexOf(run.current_step)
  return (
    <button ref={ref} type="button" className={style.summary} aria-expanded={isOpen} onClick={onToggle}>
      {isFinished(run) && !hasTrack && <StepDots done={done} />}
      <span>
        {isFinished(run)
          ? messages.thought(run.steps.length, format.duration(thinkingTime(run)), sourceCount)
          : messages.soFar}
      </span>
      <Icon name={isOpen ? "down" : "right"} />
    </button>
  )
}
