/** A run under way: how far it has come, and one live sentence. */
import type { ReactNode } from "react"
import { type PlainRun, type Step, steps } from "../../domain/chorus/ChorusModel.ts"
import { useFormat, useMessages } from "../language/Language.ts"
import { formatError } from "../language/people.ts"
import { useNow } from "../topic/useNow.ts"
import { chorusMessages } from "./ChorusMessages.ts"
import style from "./RunProgress.module.css"

/** The progress of a running run. */
export const RunProgress = ({ run }: { readonly run: PlainRun }): ReactNode => {
  const messages = useMessages(chorusMessages)
  const { attempt, current_step, error_state, not_before } = run
  return (
    <>
      <RunTrack run={run} />
      <p className={style.live}>
        <strong>{messages.step[current_step]}</strong>
        <span>{messages.doing[current_step]}</span>
        <Seconds since={not_before} />
      </p>
      {attempt > 0 && error_state !== null && (
        <p className={style.retry}>
          <span>{messages.failure[error_state._tag]}</span> <span>{messages.retries(attempt + 1)}</span>
          <span className={style.detail} lang="en" dir="auto">{formatError(error_state.message)}</span>
        </p>
      )}
    </>
  )
}

/** The steps of each pass. It stays above an answer that was seen to come, whose text does not move then. */
export const RunTrack = ({ run: { current_step, loop, status } }: { readonly run: PlainRun }): ReactNode => {
  const messages = useMessages(chorusMessages)
  return Array.from({ length: loop + 1 }, (_, pass) => (
    <PassLine
      key={pass}
      current={pass === loop ? current_step : "yield"}
      stage={pass < loop ? "past" : status === "running" ? "current" : "done"}
      label={loop === 0 ? undefined : messages.pass(pass + 1)}
    />
  ))
}

/** The steps of one pass: done, under way, to come. A past pass ended before its Yield. */
const PassLine = ({ current, label, stage }: {
  readonly current: Step
  readonly stage: "past" | "current" | "done"
  readonly label: string | undefined
}): ReactNode => {
  const messages = useMessages(chorusMessages)
  const position = stage === "done" ? steps.length : steps.indexOf(current)
  const progress = messages.progress(messages.step[current], steps.indexOf(current) + 1)
  return (
    <>
      {label !== undefined && <p className={style.pass}>{label}</p>}
      <ol className={style.steps} aria-label={stage === "past" ? label : progress}>
        {steps.map((step, index) => (
          <li
            key={step}
            data-stage={index < position ? "done" : index === position && stage === "current" ? "current" : "coming"}
            aria-current={index === position && stage === "current" ? "step" : undefined}
          >
            <span className={style.name}>{messages.step[step]}</span>
          </li>
        ))}
      </ol>
    </>
  )
}

/** The seconds since a time; only these are drawn again each second. */
const Seconds = ({ since }: { readonly since: number }): ReactNode => {
  const format = useFormat()
  const messages = useMessages(chorusMessages)
  const now = useNow(1_000)
  return (
    <span className={style.seconds}>
      {messages.seconds(format.number(Math.max(0, Math.floor((now - since) / 1_000))))}
    </span>
  )
}
