/** A run of the Chorus: its prompt, its six steps as they arrive, and the cited answer (CHO2, CHO5). */
import { type ReactNode, useState } from "react"
import { type PlainRun, type PlainStep, type Step, type StepOutputOf, steps } from "../../domain/chorus/ChorusModel.ts"
import { displayText } from "../../domain/chorus/ChorusOutput.ts"
import { collectPriors } from "../../domain/chorus/ChorusProgress.ts"
import { isFinished } from "../../domain/chorus/ChorusRun.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import { isCoAuthor } from "../../domain/thread/ThreadGuards.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { useErase } from "../erasing/EraseText.tsx"
import { formatDuration } from "../language/legacy.ts"
import { formatError, summarize } from "../language/people.ts"
import { AuthorLine } from "../people/AuthorLine.tsx"
import { LineText } from "../text/LineText.tsx"
import { Markdown } from "../text/Markdown.tsx"
import type { ThreadTopic, ThreadView } from "../topic/hooks.ts"
import { Answer } from "./Answer.tsx"
import { StepBody } from "./StepBody.tsx"

/** The names of the steps as they are displayed. */
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
  readonly run: PlainRun
  readonly me: UserId
}

/** A run in the timeline. */
export const RunCard = ({ me, run, topic, view }: Props): ReactNode => {
  const [errorMessage, setErrorMessage] = useState<string>()
  const isActive = !isFinished(run)
  const mayCancel = isActive && (run.asker === me || run.owner === me || isCoAuthor(view.state, me))
  const partialOutput = view.partialOutputs.find((text) =>
    text.prompt_id === run.prompt_id && text.loop === run.loop && text.step === run.current_step
  )
  const answer = run.steps.map((record) => record.output).find((output) => output._tag === "yield")
  const { asker: author, owner, prompt: text, seq } = run
  const isConfirmed = !view.optimisticCommands.includes(run.prompt_id)
  const consequence = isActive ? "The Chorus stops answering it." : undefined
  const erase = useErase({ topic, me, item: { seq, author, owner, text, noun: "question", consequence } })
  const cancel = () => {
    topic.sendPromise({ _tag: "cancel_run", prompt_id: run.prompt_id }).catch((error: unknown) =>
      setErrorMessage(formatError(error))
    )
  }
  return (
    <li className="run" aria-busy={isActive} tabIndex={-1}>
      <AuthorLine author={run.asker} owner={run.owner} me={me} tag="asked the Chorus" at={run.asked_at}>
        {mayCancel && <button className="small" type="button" onClick={cancel}>Cancel</button>}
        {isConfirmed && erase.button}
      </AuthorLine>
      <Markdown text={run.prompt} />
      {erase.question}
      {run.status === "queued"
        ? <p className="muted">Queued behind another question.</p>
        : Array.from(
          { length: run.loop + 1 },
          (_, loop) => <LoopSteps key={loop} run={run} loop={loop} text={partialOutput?.text ?? ""} topic={topic} />
        )}
      <RunOutcome run={run} answer={answer} view={view} topic={topic} />
      {run.source_erased && <p className="muted">A text that this run was given has been erased since.</p>}
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
    </li>
  )
}

/** The steps of one pass. */
const LoopSteps = ({ loop, run, text, topic }: {
  readonly run: PlainRun
  readonly loop: number
  readonly text: string
  readonly topic: ThreadTopic
}): ReactNode => {
  const isCurrentLoop = loop === run.loop
  return (
    <>
      {run.loop > 0 && <p className="muted loop-label">{loop === 0 ? "First pass" : `Pass ${loop + 1}`}</p>}
      <ol className="steps" aria-label={`Steps of pass ${loop + 1}`}>
        {steps.filter((step) => isCurrentLoop || step !== "yield").map((step) => {
          const record = run.steps.find((record) => record.loop === loop && record.step === step)
          if (record !== undefined) return <CompletedStep key={step} record={record} run={run} topic={topic} />
          return isCurrentLoop && step === run.current_step && run.status === "running"
            ? <CurrentStep key={step} step={step} text={text} run={run} />
            : (
              <li key={step} className="step upcoming">
                <span className="name">{stepNames[step]}</span>
              </li>
            )
        })}
      </ol>
    </>
  )
}

/** The running step with its streamed text. */
const CurrentStep = ({ run, step, text }: {
  readonly step: Step
  readonly text: string
  readonly run: PlainRun
}): ReactNode => (
  <li className="step current" aria-current="step">
    <span className="name">{stepNames[step]}</span>
    <div className="text">
      {run.attempt > 0 && run.error_state !== null && (
        <p className="muted">{formatError(run.error_state.message)} Retrying.</p>
      )}
      {text === "" ? <span className="busy-indicator" aria-label="Working" /> : <Markdown text={text} />}
    </div>
  </li>
)

/** A completed step: a line that opens to its whole output. */
const CompletedStep = ({ record, run, topic }: {
  readonly record: PlainStep
  readonly run: PlainRun
  readonly topic: ThreadTopic
}): ReactNode => (
  <li className="step done">
    <details>
      <summary>
        <span className="name">{stepNames[record.step]}</span>
        <span className="step-summary">
          <LineText text={summarizeStep(record)} />
        </span>
        <span className="step-duration">{formatDuration(record.usage.latency_ms)}</span>
      </summary>
      <StepBody record={record} run={run} topic={topic.id} />
    </details>
  </li>
)

/** A summary behind other words. */
const summarizePart = (text: string): string => text === erasedMark ? "this text was erased" : summarize(text)

const summarizeStep = ({ output }: PlainStep): string => {
  if (output._tag === "experience" && output.priors.length > 0) {
    return `${output.priors.length} ${output.priors.length === 1 ? "prior" : "priors"} · ${
      summarizePart(output.synthesis)
    }`
  }
  if (output._tag === "update") return `${output.loop ? "Repeat" : "Done"} · ${summarizePart(output.reason)}`
  return summarize(displayText(output))
}

/** The outcome of a finished run. */
const RunOutcome = ({ answer, run, topic, view }: {
  readonly run: PlainRun
  readonly answer: StepOutputOf<"yield"> | undefined
  readonly view: ThreadView
  readonly topic: ThreadTopic
}): ReactNode => {
  if (answer !== undefined) {
    return (
      <Answer answer={answer} priors={collectPriors(run)} run={run} messages={view.state.messages} topic={topic.id} />
    )
  }
  if (run.status === "failed") {
    return (
      <p className="error-message">
        The Chorus could not answer. {run.error_state !== null && formatError(run.error_state.message)}
      </p>
    )
  }
  if (run.status !== "cancelled") return null
  return (
    <div className="answer">
      <p className="muted">
        Cancelled in {stepNames[run.current_step]}
        {run.partial === null ? "." : ". The text so far:"}
      </p>
      {run.partial !== null && <Markdown text={run.partial} />}
    </div>
  )
}
