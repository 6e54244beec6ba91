/** One question to the Chorus: its six steps as they come, and the answer with what it leans on (CHO2, CHO5). */
import { type ReactNode, useState } from "react"
import { type ChorusState, type OutputOf, type Step, type StepRecord, steps } from "../domain/chorus/Chorus.ts"
import { priorsOf } from "../domain/chorus/ChorusFindings.ts"
import { textOf } from "../domain/chorus/ChorusOutput.ts"
import { isOver } from "../domain/chorus/ChorusRun.ts"
import type { UserId } from "../domain/Ids.ts"
import { isCoAuthor } from "../domain/kinds/ThreadRules.ts"
import { Answer } from "./Answer.tsx"
import type { ThreadTopic, ThreadView } from "./hooks.ts"
import { Prose } from "./Prose.tsx"
import { StepBody } from "./StepBody.tsx"
import { Who } from "./Who.tsx"
import { duration, fullTime, gist, sentence, timeOf } from "./words.ts"

export const stepNames: { readonly [S in Step]: string } = {
  action: "Action",
  experience: "Experience",
  intention: "Intention",
  observation: "Observation",
  update: "Update",
  yield: "Yield"
}

interface Props {
  readonly topic: ThreadTopic
  readonly view: ThreadView
  readonly run: ChorusState
  readonly me: UserId
}

export const RunCard = ({ me, run, topic, view }: Props): ReactNode => {
  const [fault, setFault] = useState<string>()
  const live = !isOver(run)
  const mayCancel = live && (run.asker === me || isCoAuthor(view.state, me))
  const running = view.running.find((text) =>
    text.prompt_id === run.prompt_id && text.loop === run.loop && text.step === run.current_step
  )
  const answer = run.steps.map((record) => record.output).find((output) => output._tag === "yield")
  const cancel = () => {
    topic.post({ _tag: "cancel_run", prompt_id: run.prompt_id }).catch((error: unknown) => setFault(sentence(error)))
  }
  return (
    <li className="run" aria-busy={live}>
      <div className="by">
        <Who author={run.asker} me={me} />
        <span className="tag">asked the Chorus</span>
        <time dateTime={new Date(run.asked_at).toISOString()} title={fullTime(run.asked_at)}>
          {timeOf(run.asked_at, Date.now())}
        </time>
        {mayCancel && <button className="small" type="button" onClick={cancel}>Cancel</button>}
      </div>
      <Prose text={run.prompt} />
      {run.status === "queued"
        ? <p className="quiet">Waits for the answer before it.</p>
        : Array.from(
          { length: run.loop + 1 },
          (_, loop) => <Pass key={loop} run={run} loop={loop} text={running?.text ?? ""} topic={topic} />
        )}
      <Ending run={run} answer={answer} view={view} topic={topic} />
      {fault !== undefined && <p className="fault" role="alert">{fault}</p>}
    </li>
  )
}

/** The six steps, once around. */
const Pass = ({ loop, run, text, topic }: {
  readonly run: ChorusState
  readonly loop: number
  readonly text: string
  readonly topic: ThreadTopic
}): ReactNode => {
  const last = loop === run.loop
  return (
    <>
      {run.loop > 0 && <p className="quiet pass">{loop === 0 ? "First pass" : `Pass ${loop + 1}`}</p>}
      <ol className="steps" aria-label={`Steps of pass ${loop + 1}`}>
        {steps.filter((step) => last || step !== "yield").map((step) => {
          const record = run.steps.find((record) => record.loop === loop && record.step === step)
          if (record !== undefined) return <Done key={step} record={record} run={run} topic={topic} />
          return last && step === run.current_step && run.status === "running"
            ? <Now key={step} step={step} text={text} run={run} />
            : (
              <li key={step} className="step later">
                <span className="name">{stepNames[step]}</span>
              </li>
            )
        })}
      </ol>
    </>
  )
}

/** A step that is being written. */
const Now = ({ run, step, text }: {
  readonly step: Step
  readonly text: string
  readonly run: ChorusState
}): ReactNode => (
  <li className="step now" aria-current="step">
    <span className="name">{stepNames[step]}</span>
    <div className="text">
      {run.attempt > 0 && run.error_state !== null && (
        <p className="quiet">{sentence(new Error(run.error_state.message))} Trying again.</p>
      )}
      {text === "" ? <span className="thinking" aria-label="Working" /> : <Prose text={text} />}
    </div>
  </li>
)

/** A step that is done: one line, with everything behind it. */
const Done = ({ record, run, topic }: {
  readonly record: StepRecord
  readonly run: ChorusState
  readonly topic: ThreadTopic
}): ReactNode => (
  <li className="step done">
    <details>
      <summary>
        <span className="name">{stepNames[record.step]}</span>
        <span className="gist">{line(record)}</span>
        <span className="cost">{duration(record.usage.latency_ms)}</span>
      </summary>
      <StepBody record={record} run={run} topic={topic.id} />
    </details>
  </li>
)

const line = ({ output }: StepRecord): string => {
  if (output._tag === "experience" && output.priors.length > 0) {
    return `${output.priors.length} ${output.priors.length === 1 ? "prior" : "priors"} · ${gist(output.synthesis)}`
  }
  if (output._tag === "update") return `${output.loop ? "Once more" : "Enough"} · ${gist(output.reason)}`
  return gist(textOf(output))
}

/** How the run ended, once it has. */
const Ending = ({ answer, run, topic, view }: {
  readonly run: ChorusState
  readonly answer: OutputOf<"yield"> | undefined
  readonly view: ThreadView
  readonly topic: ThreadTopic
}): ReactNode => {
  if (answer !== undefined) {
    return <Answer answer={answer} priors={priorsOf(run)} run={run} messages={view.state.messages} topic={topic.id} />
  }
  if (run.status === "failed") {
    return (
      <p className="fault">
        The Chorus could not answer. {run.error_state !== null && sentence(new Error(run.error_state.message))}
      </p>
    )
  }
  if (run.status !== "cancelled") return null
  return (
    <div className="answer">
      <p className="quiet">
        Cancelled in {stepNames[run.current_step]}
        {run.partial === "" ? "." : ", having come this far:"}
      </p>
      {run.partial !== "" && <Prose text={run.partial} />}
    </div>
  )
}
