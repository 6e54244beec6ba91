/** The record of a run: every step of each pass with its whole output, its time, model, tokens and cost. It is read, not scanned. */
import { type ReactNode, type Ref, useId } from "react"
import type { PlainRun, PlainStep, Prior } from "../../domain/chorus/ChorusModel.ts"
import { Button } from "../design/Button.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { chorusMessages } from "./ChorusMessages.ts"
import { recordMessages } from "./RecordMessages.ts"
import style from "./RunRecord.module.css"
import { StepBody } from "./StepBody.tsx"

interface Props {
  readonly run: PlainRun
  /** All that the run found, by number. */
  readonly priors: ReadonlyArray<Prior>
  readonly headingRef: Ref<HTMLHeadingElement>
  readonly onClose: () => void
}

/** The record. */
export const RunRecord = ({ headingRef, onClose, priors, run }: Props): ReactNode => {
  const messages = useMessages(recordMessages)
  const { pass: passName } = useMessages(chorusMessages)
  const id = useId()
  const passes = [...new Set(run.steps.map(({ loop }) => loop))]
  return (
    <section className={style.record} aria-labelledby={id}>
      <header className={style.head}>
        <h3 ref={headingRef} id={id} tabIndex={-1}>{messages.record}</h3>
        <Button variant="quiet" icon="x" onClick={onClose}>{messages.close}</Button>
      </header>
      {passes.map((pass) => (
        <Pass
          key={pass}
          steps={run.steps.filter(({ loop }) => loop === pass)}
          title={passes.length > 1 ? passName(pass + 1) : undefined}
          name={passes.length > 1 ? messages.stepsOf(pass + 1) : messages.steps}
          priors={priors}
        />
      ))}
    </section>
  )
}

/** The steps of one pass. */
const Pass = ({ name, priors, steps, title }: {
  readonly steps: ReadonlyArray<PlainStep>
  readonly title: string | undefined
  readonly name: string
  readonly priors: ReadonlyArray<Prior>
}): ReactNode => {
  const messages = useMessages(chorusMessages)
  return (
    <>
      {title !== undefined && <h4 className={style.pass}>{title}</h4>}
      <ol aria-label={name}>
        {steps.map((record) => (
          <li key={record.step} className={style.step}>
            <p className={style.name}>{messages.step[record.step]}</p>
            <div className={style.body}>
              <StepBody record={record} steps={steps} priors={priors} />
            </div>
            <StepFigures record={record} />
          </li>
        ))}
      </ol>
    </>
  )
}

/** What a step took. */
const StepFigures = ({ record: { usage } }: { readonly record: PlainStep }): ReactNode => {
  const format = useFormat()
  const messages = useMessages(recordMessages)
  const figures = [
    [messages.time, format.duration(usage.latency_ms)],
    [messages.model, usage.model],
    [messages.tokens, messages.tokensOf(format.number(usage.input_tokens), format.number(usage.output_tokens))],
    ...(usage.cost === null ? [] : [[messages.cost, format.cost(usage.cost.amount, usage.cost.unit)] as const])
  ] as const
  return (
    <dl className={style.figures}>
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
