/** The answer of the Chorus with its citations: each shows the quoted text and links to its message (CHO10). */
import { type ReactNode, useState } from "react"
import type { Citation, PlainRun, Prior, StepOutputOf } from "../../domain/chorus/ChorusModel.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { cut } from "../../domain/protocol/Text.ts"
import type { PlainMessage } from "../../domain/thread/ThreadModel.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { formatDuration, formatPercent } from "../language/legacy.ts"
import { messageElementId, shortKey } from "../language/people.ts"
import { LineText } from "../text/LineText.tsx"
import { Markdown } from "../text/Markdown.tsx"

/** In UTF-16 units. */
const maxQuoteLength = 140

interface Props {
  readonly answer: StepOutputOf<"yield">
  readonly priors: ReadonlyArray<Prior>
  readonly run: PlainRun
  readonly messages: ReadonlyArray<PlainMessage>
  readonly topic: TopicId
}

/** The answer of a finished run. */
export const Answer = ({ answer, messages, priors, run, topic }: Props): ReactNode => {
  const [openPriorId, setOpenPriorId] = useState<string>()
  const cited = answer.citations.flatMap((citation) => {
    const index = priors.findIndex((prior) => prior.id === citation.prior)
    const prior = priors[index]
    return prior === undefined ? [] : [{ citation, prior, number: index + 1 }]
  })

  const renderCitation = (n: number): ReactNode => {
    const prior = priors[n - 1]
    return prior === undefined ? undefined : (
      <button
        type="button"
        className="cite"
        aria-label={`Show citation ${n}`}
        onClick={() => setOpenPriorId(openPriorId === prior.id ? undefined : prior.id)}
      >
        {n}
      </button>
    )
  }
  const uncitedIndex = priors.findIndex((prior) =>
    prior.id === openPriorId && cited.every((item) => item.prior.id !== openPriorId)
  )
  const time = run.steps.reduce((sum, { usage }) => sum + usage.latency_ms, 0)
  return (
    <section className="answer" aria-label="Answer of the Chorus">
      <Markdown text={answer.final_response} renderCitation={renderCitation} />
      {(cited.length > 0 || uncitedIndex >= 0) && (
        <ol className="citations" aria-label="Citations">
          {cited.map(({ citation, number, prior }) => (
            <CitationItem
              key={prior.id}
              number={number}
              prior={prior}
              quote={citation.quote}
              open={openPriorId === prior.id}
              toggle={() => setOpenPriorId(openPriorId === prior.id ? undefined : prior.id)}
              messages={messages}
              topic={topic}
            />
          ))}
          {priors[uncitedIndex] !== undefined && (
            <CitationItem
              number={uncitedIndex + 1}
              prior={priors[uncitedIndex]}
              quote={null}
              open
              messages={messages}
              topic={topic}
            />
          )}
        </ol>
      )}
      <p className="muted usage">
        {run.steps.at(-1)?.usage.model} · {formatDuration(time)} · confidence {formatPercent(answer.confidence)}
      </p>
    </section>
  )
}

const CitationItem = ({ messages, number, open, prior, quote, toggle, topic }: {
  readonly number: number
  readonly prior: Prior
  readonly quote: Citation["quote"]
  readonly open: boolean
  readonly toggle?: () => void
  readonly messages: ReadonlyArray<PlainMessage>
  readonly topic: TopicId
}): ReactNode => {
  const message = prior.thread === topic
    ? messages.find(({ content, id }) =>
      id === prior.id || prior.content !== erasedMark && content.includes(prior.content)
    )
    : undefined
  return (
    <li value={number} className={open ? "cited open" : "cited"}>
      <button type="button" className="quote" aria-expanded={open} onClick={toggle}>
        <span className="citation-number">{number}</span>
        <q>
          <LineText text={quote ?? cut(prior.content, maxQuoteLength)} />
        </q>
      </button>
      {open && (
        <blockquote>
          <Markdown text={prior.content} />
          <footer className="muted">
            {shortKey(prior.author)}
            {message !== undefined && (
              <>
                {" · "}
                <button type="button" className="link" onClick={() => scrollToMessage(message.id)}>
                  Show in thread
                </button>
              </>
            )}
            {prior.thread !== topic && (
              <>
                {" · "}
                <a href={`#${prior.thread}`}>Open thread</a>
              </>
            )}
          </footer>
        </blockquote>
      )}
    </li>
  )
}

const scrollToMessage = (id: string): void => {
  const element = document.getElementById(messageElementId(id))
  if (element === null) return
  element.scrollIntoView({
    block: "center",
    behavior: matchMedia("(prefers-reduced-motion)").matches ? "auto" : "smooth"
  })
  element.focus({ preventScroll: true })
}
