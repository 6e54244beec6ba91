/** Everything that one step produced. */
import type { ReactNode } from "react"
import type { ChorusState, Prior, StepRecord } from "../domain/chorus/Chorus.ts"
import { priorsOf } from "../domain/chorus/ChorusFindings.ts"
import type { TopicId } from "../domain/Ids.ts"
import { Prose } from "./Prose.tsx"
import { amount, gist, percent, shortKey } from "./words.ts"

interface Props {
  readonly record: StepRecord
  readonly run: ChorusState
  readonly topic: TopicId
}

export const StepBody = ({ record, run, topic }: Props): ReactNode => (
  <div className="body">
    <Fields record={record} run={run} topic={topic} />
    <p className="quiet usage">
      {record.usage.model} · {amount(record.usage.input_tokens)} tokens in, {amount(record.usage.output_tokens)} out
      {record.usage.cost !== null && ` · $${record.usage.cost.toFixed(4)}`}
    </p>
  </div>
)

const Fields = ({ record: { output }, run, topic }: Props): ReactNode => {
  const all = priorsOf(run)
  const number = (id: string): string => `[${all.findIndex((prior) => prior.id === id) + 1}]`
  switch (output._tag) {
    case "action":
      return (
        <>
          <Prose text={output.proposed_response} />
          <Field name="Why">{output.reasoning}</Field>
          <Field name="Confidence">{percent(output.confidence)}</Field>
        </>
      )
    case "experience":
      return (
        <>
          <Prose text={output.synthesis} />
          <Items name="Insights" items={output.key_insights} />
          <Priors priors={output.priors} all={all} topic={topic} />
        </>
      )
    case "intention":
      return (
        <>
          <Prose text={output.explicit} />
          <Field name="Implicit">{output.implicit}</Field>
          <Field name="Chosen">{output.selected_priors.map(number).join(" ")}</Field>
          <Field name="Why">{output.reason}</Field>
        </>
      )
    case "observation":
      return (
        <>
          <Prose text={output.context_analysis} />
          <Items name="Patterns" items={output.patterns} />
          <Items name="Links" items={output.semantic_links.map((link) => `${number(link.prior)} ${link.relation}`)} />
        </>
      )
    case "update":
      return (
        <>
          <Prose text={output.reason} />
          <Field name="Next">{output.loop ? "Once more from Action" : "On to Yield"}</Field>
          <Field name="Confidence">{percent(output.confidence)}</Field>
        </>
      )
    case "yield":
      return (
        <>
          <Field name="Citations">{String(output.citations.length)}</Field>
          <Field name="Confidence">{percent(output.confidence)}</Field>
        </>
      )
  }
}

const Field = ({ children, name }: { readonly name: string; readonly children: string }): ReactNode =>
  children !== "" && (
    <p className="field">
      <span>{name}</span> {children}
    </p>
  )

const Items = ({ items, name }: { readonly name: string; readonly items: ReadonlyArray<string> }): ReactNode =>
  items.length > 0 && (
    <div className="field">
      <span>{name}</span>
      <ul>{items.map((item) => <li key={item}>{item}</li>)}</ul>
    </div>
  )

/** What the group wrote before, by how near it is to the question. */
const Priors = ({ all, priors, topic }: {
  readonly priors: ReadonlyArray<Prior>
  readonly all: ReadonlyArray<Prior>
  readonly topic: TopicId
}): ReactNode =>
  priors.length > 0 && (
    <table className="priors">
      <caption>Priors, nearest first</caption>
      <thead>
        <tr>
          <th scope="col">No.</th>
          <th scope="col">Similarity</th>
          <th scope="col">What was written</th>
        </tr>
      </thead>
      <tbody>
        {priors.map((prior) => (
          <tr key={prior.id}>
            <td>{all.findIndex((one) => one.id === prior.id) + 1}</td>
            <td>
              <meter min={0} max={1} value={Math.max(0, prior.similarity)} aria-hidden="true" />{" "}
              {prior.similarity.toFixed(2)}
            </td>
            <td>
              {gist(prior.content)}
              <span className="quiet">
                {" "}
                {shortKey(prior.author)}
                {prior.thread !== topic && (
                  <>
                    in <a href={`#${prior.thread}`}>another thread</a>
                  </>
                )}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
