/** The Chorus' answer, and the pieces it cites: each with its words, and the way to where they stand (CHO10). */
import { type ReactNode, useState } from "react"
import type { ChorusState, Citation, OutputOf, Prior } from "../domain/chorus/Chorus.ts"
import type { TopicId } from "../domain/Ids.ts"
import type { Message } from "../domain/kinds/ThreadModel.ts"
import { Prose } from "./Prose.tsx"
import { anchor, duration, percent, shortKey } from "./words.ts"

interface Props {
  readonly answer: OutputOf<"yield">
  readonly priors: ReadonlyArray<Prior>
  readonly run: ChorusState
  readonly messages: ReadonlyArray<Message>
  readonly topic: TopicId
}

export const Answer = ({ answer, messages, priors, run, topic }: Props): ReactNode => {
  const [shown, setShown] = useState<string>()
  const cited = answer.citations.flatMap((citation) => {
    const index = priors.findIndex((prior) => prior.id === citation.prior)
    const prior = priors[index]
    return prior === undefined ? [] : [{ citation, prior, number: index + 1 }]
  })

  const cite = (n: number): ReactNode => {
    const prior = priors[n - 1]
    return prior === undefined ? undefined : (
      <button
        type="button"
        className="cite"
        aria-label={`Citation ${n}: show it`}
        onClick={() => setShown(shown === prior.id ? undefined : prior.id)}
      >
        {n}
      </button>
    )
  }
  const extra = priors.findIndex((prior) => prior.id === shown && cited.every((one) => one.prior.id !== shown))
  const time = run.steps.reduce((sum, { usage }) => sum + usage.latency_ms, 0)
  return (
    <section className="answer" aria-label="Answer of the Chorus">
      <Prose text={answer.final_response} cite={cite} />
      {(cited.length > 0 || extra >= 0) && (
        <ol className="citations" aria-label="Citations">
          {cited.map(({ citation, number, prior }) => (
            <Cited
              key={prior.id}
              number={number}
              prior={prior}
              quote={citation.quote}
              open={shown === prior.id}
              toggle={() => setShown(shown === prior.id ? undefined : prior.id)}
              messages={messages}
              topic={topic}
            />
          ))}
          {priors[extra] !== undefined && (
            <Cited number={extra + 1} prior={priors[extra]} quote="" open messages={messages} topic={topic} />
          )}
        </ol>
      )}
      <p className="quiet usage">
        {run.steps.at(-1)?.usage.model} · {duration(time)} · confidence {percent(answer.confidence)}
      </p>
    </section>
  )
}

const Cited = ({ messages, number, open, prior, quote, toggle, topic }: {
  readonly number: number
  readonly prior: Prior
  readonly quote: Citation["quote"]
  readonly open: boolean
  readonly toggle?: () => void
  readonly messages: ReadonlyArray<Message>
  readonly topic: TopicId
}): ReactNode => {
  const here = prior.thread === topic
    ? messages.find((message) => message.id === prior.id || message.content.includes(prior.content))
    : undefined
  return (
    <li value={number} className={open ? "cited open" : "cited"}>
      <button type="button" className="quote" aria-expanded={open} onClick={toggle}>
        <span className="no">{number}</span>
        <q>{quote === "" ? prior.content.slice(0, 140) : quote}</q>
      </button>
      {open && (
        <blockquote>
          <Prose text={prior.content} />
          <footer className="quiet">
            {shortKey(prior.author)}
            {here !== undefined && (
              <>
                {" · "}
                <button type="button" className="link" onClick={() => jump(here.id)}>Show it in the thread</button>
              </>
            )}
            {prior.thread !== topic && (
              <>
                · <a href={`#${prior.thread}`}>Open its thread</a>
              </>
            )}
          </footer>
        </blockquote>
      )}
    </li>
  )
}

const jump = (id: string): void => {
  const piece = document.getElementById(anchor(id))
  if (piece === null) return
  piece.scrollIntoView({
    block: "center",
    behavior: matchMedia("(prefers-reduced-motion)").matches ? "auto" : "smooth"
  })
  piece.focus({ preventScroll: true })
}
