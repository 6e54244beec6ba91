/**
 * A run of the Chorus in the timeline (CHO2, CHO5): the question, one line of how it is thought about, the answer, and what
 * that stands on. The record of its steps opens below.
 */
import { memo, type ReactNode, useMemo, useRef, useState } from "react"
import { flushSync } from "react-dom"
import type { PlainRun } from "../../domain/chorus/ChorusModel.ts"
import { collectPriors } from "../../domain/chorus/ChorusProgress.ts"
import { isFinished } from "../../domain/chorus/ChorusRun.ts"
import { isCoAuthor } from "../../domain/thread/ThreadGuards.ts"
import { useClient } from "../../react/ClientContext.ts"
import { Button } from "../design/Button.tsx"
import { ErrorText } from "../design/ErrorText.tsx"
import { Icon } from "../design/Icon.tsx"
import { EraseButton } from "../erasing/EraseDialog.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { messageElementId, shortKey } from "../language/people.ts"
import { Avatar } from "../people/Avatar.tsx"
import { useThreadCommand, useThreadView } from "../topic/ThreadTopic.ts"
import { Answer } from "./Answer.tsx"
import { chorusMessages } from "./ChorusMessages.ts"
import { Question } from "./Question.tsx"
import style from "./RunCard.module.css"
import { RunEnd } from "./RunEnd.tsx"
import { RunProgress, RunTrack } from "./RunProgress.tsx"
import { RunRecord } from "./RunRecord.tsx"
import { RunSummary } from "./RunSummary.tsx"

/** The runs whose record is open, for as long as the page: a card that leaves the document and returns is as it was. */
const openRecords = new Set<string>()

/**
 * Moves the focus to an element, and scrolls to it when the timeline has measured the row that has changed: a timeline at its end
 * stays at it until then, which is after the next frame.
 */
const goTo = (element: HTMLElement | null, block: ScrollLogicalPosition): void => {
  element?.focus({ preventScroll: true })
  requestAnimationFrame(() => requestAnimationFrame(() => element?.scrollIntoView({ block })))
}

/** A run. */
export const RunCard = memo(({ run }: { readonly run: PlainRun }): ReactNode => {
  const messages = useMessages(chorusMessages)
  const [wasSeenRunning] = useState(() => !isFinished(run))
  const [isRecordOpen, setRecordOpen] = useState(() => openRecords.has(run.prompt_id))
  const [send, errorMessage] = useThreadCommand()
  const answer = run.steps.map(({ output }) => output).find((output) => output._tag === "yield")
  const priors = useMemo(() => collectPriors(run), [run])
  const recordHeading = useRef<HTMLHeadingElement>(null)
  const summaryButton = useRef<HTMLButtonElement>(null)
  const toggleRecord = () => {
    if (isRecordOpen) openRecords.delete(run.prompt_id)
    else openRecords.add(run.prompt_id)
    flushSync(() => setRecordOpen(!isRecordOpen))
    // The record opens below the answer: the focus goes there, and back.
    if (isRecordOpen) goTo(summaryButton.current, "nearest")
    else goTo(recordHeading.current, "start")
  }
  const askAgain = () => void send({ _tag: "submit_prompt", prompt: run.prompt, sibling_of: run.prompt_id })
  const hasTrack = wasSeenRunning && answer !== undefined
  const summary = {
    run,
    hasTrack,
    ref: summaryButton,
    sourceCount: priors.length,
    isOpen: isRecordOpen,
    onToggle: toggleRecord
  }
  return (
    <article className={style.run} id={messageElementId(run.prompt_id)} tabIndex={-1} aria-label={messages.question}>
      <RunHead
        run={run}
        onStop={() =>
          void send({ _tag: "cancel_run", prompt_id: run.prompt_id })}
      />
      <Question text={run.prompt} />
      {run.status === "queued" && (
        <p className={style.note}>
          <Icon name="clock" />
          {messages.waits}
        </p>
      )}
      {run.status === "running" && <RunProgress run={run} />}
      {hasTrack && <RunTrack run={run} />}
      {answer !== undefined && <RunSummary {...summary} />}
      {(run.status === "running" || answer !== undefined) && (
        <Answer answer={answer} priors={priors} run={run} onAskAgain={askAgain} />
      )}
      {answer === undefined && run.steps.length > 0 && <RunSummary {...summary} />}
      {(run.status === "failed" || run.status === "cancelled") && <RunEnd run={run} onAskAgain={askAgain} />}
      {run.source_erased && (
        <p className={style.note}>
          <Icon name="lock" />
          {messages.sourceErased}
        </p>
      )}
      <ErrorText>{errorMessage}</ErrorText>
      {isRecordOpen && <RunRecord run={run} priors={priors} headingRef={recordHeading} onClose={toggleRecord} />}
    </article>
  )
})

/** Who asked and when, and the buttons of those who may stop the run or erase its question. */
const RunHead = ({ onStop, run }: { readonly run: PlainRun; readonly onStop: () => void }): ReactNode => {
  const { me } = useClient()
  const format = useFormat()
  const messages = useMessages(chorusMessages)
  const { asked_at, asker, owner, prompt, prompt_id, seq } = run
  const isActive = !isFinished(run)
  const mayStop = useThreadView(({ state }) => asker === me || owner === me || isCoAuthor(state, me)) === true
  const isConfirmed = useThreadView(({ optimisticCommands }) => !optimisticCommands.includes(prompt_id)) === true
  const consequence = isActive ? "runStops" as const : undefined
  const asked = asker === me
    ? messages.youAsked
    : owner === undefined
    ? messages.asked(shortKey(asker))
    : owner === me
    ? messages.myAgentAsked(shortKey(asker))
    : messages.agentAsked(shortKey(asker), shortKey(owner))
  return (
    <header className={style.head}>
      <Avatar author={asker} isAgent={owner !== undefined} size="xs" />
      <span title={asker}>{asked}</span>
      <time dateTime={new Date(asked_at).toISOString()} title={format.fullTime(asked_at)}>
        {format.shortTime(asked_at)}
      </time>
      <span className={style.actions}>
        {isConfirmed && (
          <EraseButton item={{ seq, author: asker, owner, text: prompt, noun: "question", consequence }} />
        )}
        {isActive && mayStop && (
          <Button icon={run.status === "queued" ? "x" : "stop"} variant="quiet" onClick={onStop}>
            {run.status === "queued" ? messages.doNotAsk : messages.stop}
          </Button>
        )}
      </span>
    </header>
  )
}
