/** The whole output of one step. */
import type { ReactNode } from "react"
import type { PlainRun, PlainStep, Prior } from "../../domain/chorus/ChorusModel.ts"
import { collectPriors } from "../../domain/chorus/ChorusProgress.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { formatNumber, formatPercent } from "../language/legacy.ts"
import { shortKey, summarize } from "../language/people.ts"
import { LineText } from "../text/LineText.tsx"
import { Markdown } from "../text/Markdown.tsx"

interface Props {
  readonly record: PlainStep
  readonly run: PlainRun
  readonly topic: TopicId
}

/** The output and usage of a completed step. */
export const StepBody = ({ record, run, topic }: Props): ReactNode => (
  <div className="body">
    <StepFields record={record} run={run} topic={topic} />
    <p className="muted usage">
      {record.usage.model} · {formatNumber(record.usage.input_tokens)} tokens in,{" "}
      {formatNumber(record.usage.output_tokens)} out
      {record.usage.cost !== null && ` · ${(record.usage.cost.amount / 1e6).toFixed(4)} ${record.usage.cost.unit}`}
    </p>
  </div>
)

const StepFields = ({ record: { output }, run, topic }: Props): ReactNode => {
  const all = collectPriors(run)
  const number = (id: string): string => `[${all.findIndex((prior) => prior.id === id) + 1}]`
  switch (output._tag) {
    case "action":
      return (
        <>
          <Markdown text={output.proposed_response} />
          <LabeledText name="Why">{output.reasoning}</LabeledText>
          <LabeledText name="Confidence">{formatPercent(output.confidence)}</LabeledText>
        </>
      )
    case "experience":
      return (
        <>
          <Markdown text={output.synthesis} />
          <LabeledList name="Insights" items={output.key_insights} />
          <PriorsTable priors={output.priors} all={all} topic={topic} />
        </>
      )
    case "intention":
      return (
        <>
          <Markdown text={output.explicit} />
          <LabeledText name="Implicit">{output.implicit}</LabeledText>
          <LabeledText name="Selected">{output.selected_priors.map(number).join(" ")}</LabeledText>
          <LabeledText name="Why">{output.reason}</LabeledText>
        </>
      )
    case "observation":
      return (
        <>
          <Markdown text={output.context_analysis} />
          <LabeledList name="Patterns" items={output.patterns} />
          <LabeledList
            name="Links"
            items={output.semantic_links.map((link) => `${number(link.prior)} ${link.relation}`)}
          />
        </>
      )
    case "update":
      return (
        <>
          <Markdown text={output.reason} />
          <LabeledText name="Next">{output.loop ? "Repeat from Action" : "Continue with Yield"}</LabeledText>
          <LabeledText name="Confidence">{formatPercent(output.confidence)}</LabeledText>
        </>
      )
    case "yield":
      return (
        <>
          <LabeledText name="Citations">{String(output.citations.length)}</LabeledText>
          <LabeledText name="Confidence">{formatPercent(output.confidence)}</LabeledText>
        </>
      )
  }
}

const LabeledText = ({ children, name }: { readonly name: string; readonly children: string }): ReactNode =>
  children !== "" && (
    <p className="field">
      <span>{name}</span> <LineText text={children} />
    </p>
  )

const LabeledList = ({ items, name }: { readonly name: string; readonly items: ReadonlyArray<string> }): ReactNode =>
  items.length > 0 && (
    <div className="field">
      <span>{name}</span>
      <ul>
        {items.map((item, index) => (
          <li key={index}>
            <LineText text={item} />
          </li>
        ))}
      </ul>
    </div>
  )

/** The priors of an Experience step, by similarity to the prompt. */
const PriorsTable = ({ all, priors, topic }: {
  readonly priors: ReadonlyArray<Prior>
  readonly all: ReadonlyArray<Prior>
  readonly topic: TopicId
}): ReactNode =>
  priors.length > 0 && (
    <table className="priors">
      <caption>Priors by similarity</caption>
      <thead>
        <tr>
          <th scope="col">No.</th>
          <th scope="col">Similarity</th>
          <th scope="col">Text</th>
        </tr>
      </thead>
      <tbody>
        {priors.map((prior) => (
          <tr key={prior.id}>
            <td>{all.findIndex((candidate) => candidate.id === prior.id) + 1}</td>
            <td>
              <meter min={0} max={1} value={Math.max(0, prior.similarity)} aria-hidden="true" />{" "}
              {prior.similarity.toFixed(1)}
            </td>
            <td>
              <LineText text={summarize(prior.content)} />
              <span className="muted">
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
