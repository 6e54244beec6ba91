/**
 * The text of a run in the type of the Chorus: of the step under way as it arrives, at last the answer, with the sources that it
 * stands on below (CHO10).
 */
import { type ReactNode, type Ref, useCallback, useMemo, useRef, useState } from "react"
import { flushSync } from "react-dom"
import type { PlainRun, Prior, StepOutputOf } from "../../domain/chorus/ChorusModel.ts"
import { modelName as offlineModel } from "../../domain/chorus/extractive/ExtractiveModel.ts"
import { useFormat, useMessages } from "../language/Language.ts"
import { Markdown } from "../text/Markdown.tsx"
import style from "./Answer.module.css"
import { AnswerActions } from "./AnswerActions.tsx"
import { chorusMessages } from "./ChorusMessages.ts"
import { renderCitation } from "./CitationChip.tsx"
import { type CitationFocus, CitationFocusContext } from "./CitationFocus.ts"
import { thinkingTime } from "./RunSummary.tsx"
import { SourceCard } from "./SourceCard.tsx"
import { citedSources, findSource } from "./sources.ts"
import { useRunText } from "./useRunText.ts"

interface Props {
  /** Undefined while the run is under way. */
  readonly answer: StepOutputOf<"yield"> | undefined
  /** All that the run found; the answer refers to them by number. */
  readonly priors: ReadonlyArray<Prior>
  readonly run: PlainRun
  readonly onAskAgain: () => void
}

/**
 * The answer. The elements of its text are those in which it was written: an answer that was seen to come ends without a jump.
 * Meanwhile it is not read aloud piece by piece: the whole answer is announced when it is there.
 */
export const Answer = ({ answer, onAskAgain, priors, run }: Props): ReactNode => {
  const messages = useMessages(chorusMessages)
  const list = useRef<HTMLOListElement>(null)
  const focus = useFocus(answer, priors, list)
  const shown = useRunText(run)
  return (
    <CitationFocusContext value={focus}>
      <section
        className={style.answer}
        data-step={shown?.step}
        aria-label={answer && messages.answer}
        aria-live={answer === undefined ? "off" : undefined}
        aria-busy={answer === undefined}
      >
        {shown !== undefined && shown.step !== run.current_step && (
          <p className={style.step}>{messages.step[shown.step]}</p>
        )}
        {shown !== undefined && <Markdown text={shown.text} voice="serif" renderCitation={renderCitation} />}
        {answer !== undefined && focus !== undefined && (
          <Foot answer={answer} priors={priors} focus={focus} run={run} onAskAgain={onAskAgain} listRef={list} />
        )}
      </section>
    </CitationFocusContext>
  )
}

/** What the citations of an answer need to know of it; undefined without one. */
const useFocus = (
  answer: Props["answer"],
  priors: Props["priors"],
  list: { readonly current: HTMLOListElement | null }
): CitationFocus | undefined => {
  const [open, setOpen] = useState<number>()
  const [highlighted, highlight] = useState<number>()
  const show = useCallback((number: number) => {
    flushSync(() => setOpen(number))
    list.current?.querySelector<HTMLElement>(`[data-source="${number}"]`)?.focus()
  }, [list])
  const toggle = useCallback((number: number) => setOpen((open) => open === number ? undefined : number), [])
  return useMemo(
    () =>
      answer && { find: (number) => findSource(answer, priors, number), open, highlighted, highlight, show, toggle },
    [answer, priors, open, highlighted, show, toggle]
  )
}

/** The sources that the answer cites, and what one can do with it. */
const Foot = ({ answer, focus, listRef, onAskAgain, priors, run }: Props & {
  readonly answer: StepOutputOf<"yield">
  readonly focus: CitationFocus
  readonly listRef: Ref<HTMLOListElement>
}): ReactNode => {
  const messages = useMessages(chorusMessages)
  const cited = citedSources(answer, priors)
  // The text may mention a source that it does not cite: its card is there while it is open.
  const opened = focus.open === undefined ? undefined : focus.find(focus.open)
  const isMentioned = opened !== undefined && !cited.some(({ number }) => number === opened.number)
  const sources = isMentioned ? [...cited, opened] : cited
  return (
    <>
      {sources.length > 0 && (
        <ol ref={listRef} className={style.sources} aria-label={messages.citations}>
          {sources.map((source) => <SourceCard key={source.number} source={source} focus={focus} />)}
        </ol>
      )}
      <footer className={style.foot}>
        <AnswerFacts run={run} cited={cited.length} found={cited.filter((source) => source.quote !== "").length} />
        <AnswerActions run={run} answer={answer.final_response} sources={cited} onAskAgain={onAskAgain} />
      </footer>
    </>
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
