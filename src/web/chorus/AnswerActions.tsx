/** What one can do with an answer: copy it, ask again, copy a link to it. */
import type { ReactNode } from "react"
import type { PlainRun } from "../../domain/chorus/ChorusModel.ts"
import { IconButton } from "../design/IconButton.tsx"
import { useCopy } from "../design/useCopy.ts"
import { useFormat, useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { threadLink } from "../topic/Route.ts"
import { useThreadTopic } from "../topic/ThreadTopic.ts"
import style from "./AnswerActions.module.css"
import { chorusMessages } from "./ChorusMessages.ts"
import type { Source } from "./sources.ts"
import { useMayAskAgain } from "./useMayAskAgain.ts"

/** The answer as Markdown, with its sources below; a quote only where it is verbatim. */
const answerText = (
  answer: string,
  sources: ReadonlyArray<Source>,
  words: { readonly heading: string; readonly date: (at: number) => string }
): string => {
  const lines = sources.map(({ number, prior: { author, created_at }, quote }) =>
    `[${number}] ${shortKey(author)}, ${words.date(created_at)}${
      quote === "" ? "" : `: “${quote.replaceAll(/\s+/g, " ")}”`
    }`
  )
  return lines.length === 0 ? answer : `${answer}\n\n${words.heading}:\n\n${lines.join("\n\n")}\n`
}

/** The buttons. */
export const AnswerActions = ({ answer, onAskAgain, run, sources }: {
  readonly run: PlainRun
  readonly answer: string
  readonly sources: ReadonlyArray<Source>
  readonly onAskAgain: () => void
}): ReactNode => {
  const format = useFormat()
  const messages = useMessages(chorusMessages)
  const { id } = useThreadTopic()
  const copy = useCopy()
  const mayAskAgain = useMayAskAgain(run)
  const words = { heading: messages.sources, date: format.fullTime }
  const link = threadLink(id, run.prompt_id)
  return (
    <span className={style.actions}>
      <IconButton
        icon="copy"
        label={messages.copyAnswer}
        onClick={() => copy(answerText(answer, sources, words), messages.answerCopied, messages.notCopied)}
      />
      {mayAskAgain && <IconButton icon="again" label={messages.askAgain} onClick={onAskAgain} />}
      <IconButton
        icon="link"
        label={messages.copyLink}
        onClick={() => copy(link, messages.linkCopied, messages.notCopied)}
      />
    </span>
  )
}
