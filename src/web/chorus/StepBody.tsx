/** The whole output of one step (CHO2). */
import type { ReactNode } from "react"
import type { PlainStep, Prior } from "../../domain/chorus/ChorusModel.ts"
import { displayText } from "../../domain/chorus/ChorusOutput.ts"
import { Icon } from "../design/Icon.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { LineText } from "../text/LineText.tsx"
import { Markdown } from "../text/Markdown.tsx"
import { PassageList } from "./PassageList.tsx"
import { recordMessages } from "./RecordMessages.ts"
import style from "./StepBody.module.css"

interface Props {
  readonly record: PlainStep
  /** The steps of the same pass. */
  readonly steps: ReadonlyArray<PlainStep>
  /** All that the run found, by number. */
  readonly priors: ReadonlyArray<Prior>
}

/** The text of a step, and its other fields below. The text of Yield is the answer, which stands above already. */
export const StepBody = ({ priors, record: { output }, steps }: Props): ReactNode => (
  <>
    {output._tag !== "yield" && <Markdown text={displayText(output)} voice="document" />}
    <StepFields output={output} priors={priors} steps={steps} />
  </>
)

const StepFields = (
  { output, priors, steps }: Pick<Props, "priors" | "steps"> & { readonly output: PlainStep["output"] }
): ReactNode => {
  const messages = useMessages(recordMessages)
  const numberOf = (id: string): string => `[${priors.findIndex((prior) => prior.id === id) + 1}]`
  switch (output._tag) {
    case "action":
      return (
        <>
          <Field name={messages.why} text={output.reasoning} />
          <Confidence value={output.confidence} />
        </>
      )
    case "experience":
      return (
        <>
          <FieldList name={messages.insights} items={output.key_insights} />
          <PassageList priors={output.priors} chosen={chosenOf(steps)} numberOf={numberOf} />
        </>
      )
    case "intention":
      return (
        <>
          <Field name={messages.implicit} text={output.implicit} />
          <Field name={messages.selected} text={output.selected_priors.map(numberOf).join(" ")} />
          <Field name={messages.why} text={output.reason} />
        </>
      )
    case "observation":
      return (
        <>
          <FieldList name={messages.patterns} items={output.patterns} />
          <FieldList
            name={messages.links}
            items={output.semantic_links.map(({ relation }) => relation)}
            marks={output.semantic_links.map(({ prior }) => numberOf(prior))}
          />
        </>
      )
    case "update":
      return (
        <>
          <p className={style.turn}>
            <Icon name={output.loop ? "again" : "check"} size="s" />
            {output.loop ? messages.onceMore : messages.enough}
          </p>
          <Confidence value={output.confidence} />
        </>
      )
    case "yield":
      return (
        <>
          <p>{messages.answerBelow(output.citations.length)}</p>
          <Confidence value={output.confidence} />
        </>
      )
  }
}

/** The priors that Intention chose in this pass. */
const chosenOf = (steps: ReadonlyArray<PlainStep>): ReadonlySet<string> =>
  new Set(steps.flatMap(({ output }) => output._tag === "intention" ? output.selected_priors : []))

/** A model's own estimate is no probability, so it is no percentage. */
const Confidence = ({ value }: { readonly value: number }): ReactNode => {
  const format = useFormat()
  const messages = useMessages(recordMessages)
  return <p className={style.confidence}>{messages.confidence(format.number(value))}</p>
}

const Field = ({ name, text }: { readonly name: string; readonly text: string }): ReactNode =>
  text !== "" && (
    <p className={style.field} dir="auto">
      <b>{name}</b> <LineText text={text} />
    </p>
  )

/** A list of texts; `marks` stand before them. */
const FieldList = ({ items, marks = [], name }: {
  readonly name: string
  readonly items: ReadonlyArray<string>
  readonly marks?: ReadonlyArray<string>
}): ReactNode =>
  items.length > 0 && (
    <div className={style.field}>
      <b>{name}</b>
      <ul>
        {items.map((item, index) => (
          <li key={index} dir="auto">
            {marks[index]} <LineText text={item} />
          </li>
        ))}
      </ul>
    </div>
  )
