/** The passages that Experience found, nearest first, and which of them were chosen to think with. */
import type { ReactNode } from "react"
import type { Prior } from "../../domain/chorus/ChorusModel.ts"
import { VisuallyHidden } from "../design/VisuallyHidden.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { shortKey, summarize } from "../language/people.ts"
import { LineText } from "../text/LineText.tsx"
import { formatRoute } from "../topic/Route.ts"
import { useShowMessage, useThreadTopic } from "../topic/ThreadTopic.ts"
import style from "./PassageList.module.css"
import { recordMessages } from "./RecordMessages.ts"
import { useSourceTitle } from "./useSourceTitle.ts"

/** The list. Each row leads to its message. */
export const PassageList = ({ chosen, numberOf, priors }: {
  readonly priors: ReadonlyArray<Prior>
  readonly chosen: ReadonlySet<string>
  readonly numberOf: (id: string) => string
}): ReactNode => {
  const messages = useMessages(recordMessages)
  return priors.length > 0 && (
    <ol className={style.passages} aria-label={messages.passages}>
      {priors.map((prior) => (
        <PassageRow key={prior.id} prior={prior} isChosen={chosen.has(prior.id)} number={numberOf(prior.id)} />
      ))}
    </ol>
  )
}

const PassageRow = ({ isChosen, number, prior }: {
  readonly prior: Prior
  readonly isChosen: boolean
  readonly number: string
}): ReactNode => {
  const format = useFormat()
  const messages = useMessages(recordMessages)
  const topic = useThreadTopic()
  const showMessage = useShowMessage()
  const { title } = useSourceTitle(prior)
  const text = <LineText text={summarize(prior.content)} />
  return (
    <li className={style.passage} data-chosen={isChosen || undefined}>
      <span className={style.pick} aria-hidden="true" />
      <span className={style.text} dir="auto">
        <span className={style.number}>{number}</span>
        {prior.thread === topic.id
          ? <button type="button" onClick={() => showMessage(prior.id)}>{text}</button>
          : <a href={formatRoute(prior.thread, prior.id)}>{text}</a>}
      </span>
      <span className={style.nearness}>
        <VisuallyHidden>{messages.nearness}</VisuallyHidden>
        <meter min={0} max={1} value={Math.max(0, prior.similarity)} aria-hidden="true" />
        {format.number(prior.similarity)}
      </span>
      <span className={style.meta}>
        <bdi>{shortKey(prior.author)}</bdi> · <LineText text={title} /> · {format.shortTime(prior.created_at)}
        {isChosen && ` · ${messages.chosen}`}
      </span>
    </li>
  )
}
