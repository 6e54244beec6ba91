/** A source of an answer: who wrote it where and when, the quoted words, and whether they stand there. */
import type { ReactNode } from "react"
import { useClient } from "../../react/ClientContext.ts"
import { Button } from "../design/Button.tsx"
import { Icon, type IconName } from "../design/Icon.tsx"
import { useToast } from "../design/Toast.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { Avatar } from "../people/Avatar.tsx"
import { LineText } from "../text/LineText.tsx"
import { formatRoute } from "../topic/Route.ts"
import { useShowMessage, useThreadTopic } from "../topic/ThreadTopic.ts"
import { chorusMessages } from "./ChorusMessages.ts"
import { type CitationFocus, highlightProps } from "./CitationFocus.ts"
import style from "./SourceCard.module.css"
import { type Evidence, type Source, splitPassage } from "./sources.ts"
import { useSourceTitle } from "./useSourceTitle.ts"

const icons: { readonly [E in Evidence]: IconName } = {
  verbatim: "check",
  notFound: "alert",
  uncited: "quote",
  erased: "lock"
}

/** The card; open, it has the passage around the quote and the way to it. */
export const SourceCard = ({ focus, source }: {
  readonly source: Source
  readonly focus: CitationFocus
}): ReactNode => {
  const { me } = useClient()
  const format = useFormat()
  const messages = useMessages(chorusMessages)
  const { evidence, number, prior, quote } = source
  const { icon, title } = useSourceTitle(prior)
  const isOpen = focus.open === number
  const name = prior.author === me ? messages.you : shortKey(prior.author)
  return (
    <li
      value={number}
      className={style.card}
      data-evidence={evidence}
      data-open={isOpen || undefined}
      data-highlighted={focus.highlighted === number || undefined}
    >
      <button
        type="button"
        className={style.head}
        data-source={number}
        aria-expanded={isOpen}
        onClick={() => focus.toggle(number)}
        {...highlightProps(focus, number)}
      >
        <span className={style.number}>{number}</span>
        <span className={style.title} dir="auto">
          <LineText text={title} />
        </span>
        <Icon name={icon} size="s" />
        <span className={style.meta}>
          <Avatar author={prior.author} isAgent={prior.owner !== undefined} size="xs" />
          <span>
            <bdi>{name}</bdi> · {format.shortTime(prior.created_at)}
          </span>
        </span>
        {quote !== "" && !isOpen && <q className={style.quote} dir="auto">{quote}</q>}
        <span className={style.verdict}>
          <Icon name={icons[evidence]} size="s" />
          {messages[evidence]}
        </span>
      </button>
      {isOpen && <Passage source={source} />}
    </li>
  )
}

/** The passage with the quoted words marked, and the way to its message. */
const Passage = ({ source }: { readonly source: Source }): ReactNode => {
  const messages = useMessages(chorusMessages)
  const topic = useThreadTopic()
  const showMessage = useShowMessage()
  const toast = useToast()
  const { evidence, prior } = source
  const { after, before, quote } = splitPassage(source)
  return (
    <div className={style.passage}>
      <blockquote dir="auto">
        {evidence === "erased" ? <LineText text={prior.content} /> : (
          <>
            {before}
            {quote !== "" && <mark>{quote}</mark>}
            {after}
          </>
        )}
      </blockquote>
      {prior.thread === topic.id
        ? (
          <Button
            variant="quiet"
            icon="right"
            onClick={() => showMessage(prior.id) ? undefined : toast(messages.notShown)}
          >
            {messages.showInThread}
          </Button>
        )
        : <a href={formatRoute(prior.thread, prior.id)}>{messages.openThread}</a>}
    </div>
  )
}
