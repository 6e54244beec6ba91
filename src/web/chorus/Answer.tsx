/** The answer of a run, in the type of the Chorus; below it the sources that it stands on (CHO10). */
import { type ReactNode, useCallback, useMemo, useRef, useState } from "react"
import { flushSync } from "react-dom"
import type { PlainRun, Prior, StepOutputOf } from "../../domain/chorus/ChorusModel.ts"
import { modelName as offlineModel } from "../../domain/chorus/extractive/ExtractiveModel.ts"
import { useFormat, useMessages } from "../language/Language.ts"
import { Markdown } from "../text/Markdown.tsx"
import style from "./Answer.module.css"
import { AnswerActions } from "./AnswerActions.tsx"
import { chorusMessages } from "./ChorusMessages.ts"
import { CitationChip } from "./CitationChip.tsx"
import { CitationFocusProvider } from "./CitationFocus.ts"
import { thinkingTime } from "./RunSummary.tsx"
import { SourceCard } from "./SourceCard.tsx"
import { citedSources, findSource } from "./sources.ts"

interface Props {
  readonly answer: StepOutputOf<"yield">
  /** All that the run found; the answer refers to them by number. */
  readonly priors: ReadonlyArray<Prior>
  readonly run: PlainRun
  readonly onAskAgain: () => void
}

/** The answer. */
export const Answer = ({ answer, onAskAgain, priors, run }: Props): ReactNode => {
  const messages = useMessages(chorusMessages)
  const [open, setOpen] = useState<number>()
  const [highlighted, highlight] = useState<number>()
  const list = useRef<HTMLOListElement>(null)
  const cited = citedSources(answer, priors)
  // The text may mention a source that it does not cite: its card is there while it is open.
  const mentioned = open === undefined || cited.some(({ number }) => number === open)
    ? undefined
    : findSource(answer, priors, open)
  const sources = mentioned === undefined ? cited : [...cited, mentioned]
  const show = useCallback((number: number) => {
    flushSync(() => setOpen(number))
    list.current?.querySelector<HTMLElement>(`[data-source="${number}"]`)?.focus()
  }, [])
  const toggle = useCallback((number: number) => setOpen((open) => open === number ? undefined : number), [])
  const renderCitation = useCallback((number: number) => {
    const source = findSource(answer, priors, number)
    return source && <CitationChip source={source} />
  }, [answer, priors])
  const focus = useMemo(() => ({ open, highlighted, highlight, show, toggle }), [open, highlighted, show, toggle])
  return (
    <CitationFocusProvider value={focus}>
      <section className={style.answer} aria-label={messages.answer}>
        <Markdown text={answer.final_response} voice="serif" renderCitation={renderCitation} />
        {sources.length > 0 && (
          <ol ref={list} className={style.sources} aria-label={messages.citations}>
            {sources.map((source) => <SourceCard key={source.number} source={source} />)}
          </ol>
        )}
        <footer className={style.foot}>
          <AnswerFacts run={run} cited={cited.length} found={cited.filter((source) => source.quote !== "").length} />
          <AnswerActions run={run} answer={answer.final_response} sources={cited} onAskAgain={onAskAgain} />
        </footer>
      </section>
    </CitationFocusProvider>
  )
}

/** Who answered and in what time, and how many of the quotes stand in their sources. */
const AnswerFacts = ({ cited, found, run }: {
  readonly run: PlainRun
  readonly cited: number
  readonly found: number
}): ReactNode => {
  const format = useFormat()
  const messages = useMessages(chorusMessages)
  const model = run.steps.at(-1)?.usage.model ?? ""
  const facts = [
    ...(cited === 0 ? [] : [messages.verbatimCount(found, cited)]),
    ...(model === offlineModel ? [messages.offline] : []),
    ...(model === "" ? [] : [model]),
    format.duration(thinkingTime(run))
  ]
  return <p className={style.facts}>{facts.join(" · ")}</p>
}
