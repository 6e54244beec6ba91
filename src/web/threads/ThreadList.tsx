/** The lists of threads with the field that filters them; one stop of the Tab key, within which arrow keys move. */
import { type KeyboardEvent, type PointerEvent, type ReactNode, type RefObject, useId, useState } from "react"
import { TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { Button } from "../design/Button.tsx"
import { Icon } from "../design/Icon.tsx"
import { Toolbar } from "../design/Toolbar.tsx"
import { VisuallyHidden } from "../design/VisuallyHidden.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import style from "./ThreadList.module.css"
import { threadListMessages } from "./ThreadListMessages.ts"
import { ThreadRow } from "./ThreadRow.tsx"

/** As many rows are shown at first, and more by as many: 1,000 rows at once are slow on a phone. */
const rowsPerPage = 200

/** The index to move to from `index` in a list of `count` by a key; undefined for other keys. */
const nextIndex = (key: string, index: number, count: number): number | undefined => {
  switch (key) {
    case "ArrowDown":
      return Math.min(index + 1, count - 1)
    case "ArrowUp":
      return Math.max(index - 1, 0)
    case "Home":
      return 0
    case "End":
      return count - 1
    default:
      return undefined
  }
}

const moveFocus = (event: KeyboardEvent<HTMLElement>): void => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("a, button")]
  const row = rows[nextIndex(event.key, rows.findIndex((row) => row === document.activeElement), rows.length) ?? -1]
  if (row === undefined) return
  event.preventDefault()
  row.focus()
}

/** The press of a mouse is the beginning of a click, which takes longer than the server's answer. A finger may scroll. */
const pressedThread = ({ button, pointerType, target }: PointerEvent): TopicId | undefined => {
  if (pointerType !== "mouse" || button !== 0 || !(target instanceof Element)) return undefined
  const id = target.closest<HTMLElement>("[data-thread]")?.dataset["thread"]
  return id === undefined ? undefined : TopicId.make(id)
}

interface Props {
  /** Undefined until the server has told them. */
  readonly threads: ReadonlyArray<ThreadSummary> | undefined
  readonly me: string
  readonly open: TopicId | undefined
  readonly searchField: RefObject<HTMLInputElement | null>
  /** Called when the mouse is pressed on a thread, which it is likely to open. */
  readonly onPress: (thread: TopicId) => void
  /** What stands above the search field, in one toolbar with it. */
  readonly children?: ReactNode
}

/** The search field and the lists. */
export const ThreadList = ({ children, me, onPress, open, searchField, threads }: Props): ReactNode => {
  const messages = useMessages(threadListMessages)
  const format = useFormat()
  const [words, setWords] = useState("")
  const [rowCount, setRowCount] = useState(rowsPerPage)
  const [focused, setFocused] = useState<string>()
  const listId = useId()
  const found = findThreads(threads ?? [], words)
  const shown = found.slice(0, rowCount)
  const isMine = (thread: ThreadSummary) => thread.co_authors.some((author) => author === me)
  const [mine, others] = [shown.filter(isMine), shown.filter((thread) => !isMine(thread))]
  const isShown = (id: string | undefined) => shown.some(({ thread_id }) => thread_id === id)
  const tabStop = isShown(focused) ? focused : isShown(open) ? open : [...mine, ...others][0]?.thread_id
  const section = { open, tabStop }
  return (
    <>
      <Toolbar label={messages.tools}>
        {children}
        <SearchField
          field={searchField}
          words={words}
          onChange={(words) => {
            setWords(words)
            setRowCount(rowsPerPage)
          }}
          listId={listId}
        />
      </Toolbar>
      <VisuallyHidden as="p">
        <span role="status">{words === "" ? "" : messages.matches(format.number(found.length))}</span>
      </VisuallyHidden>
      <nav
        id={listId}
        className={style.lists}
        aria-label={messages.threads}
        onKeyDown={moveFocus}
        onPointerDown={(event) => {
          const thread = pressedThread(event)
          if (thread !== undefined) onPress(thread)
        }}
        onFocus={({ target }) => setFocused(target.dataset["thread"])}
      >
        {threads === undefined
          ? <p className={style.loading} role="status">{messages.loading}</p>
          : words !== "" && found.length === 0
          ? <p className={style.note}>{messages.noMatch(words)}</p>
          : (
            <>
              {(words === "" || mine.length > 0) && (
                <Section {...section} title={messages.yours} threads={mine} note={messages.noneYours} />
              )}
              {(words === "" || others.length > 0) && (
                <Section {...section} title={messages.others} threads={others} note={messages.noneOthers} />
              )}
              {found.length > rowCount && (
                <Button
                  variant="quiet"
                  icon="down"
                  tabIndex={-1}
                  onClick={() => setRowCount(rowCount + rowsPerPage)}
                >
                  {messages.showMore(format.number(Math.min(rowsPerPage, found.length - rowCount)))}
                </Button>
              )}
            </>
          )}
      </nav>
    </>
  )
}

/** The threads whose title has all the words, the newest first. An erased title has none. */
const findThreads = (threads: ReadonlyArray<ThreadSummary>, words: string): ReadonlyArray<ThreadSummary> => {
  const wanted = words.toLocaleLowerCase().split(/\s+/).filter((word) => word !== "")
  return threads
    .filter(({ title }) => {
      const text = title?.toLocaleLowerCase() ?? ""
      return wanted.every((word) => text.includes(word))
    })
    .toSorted((a, b) => b.updated_at - a.updated_at)
}

const SearchField = ({ field, listId, onChange, words }: {
  readonly field: RefObject<HTMLInputElement | null>
  readonly words: string
  readonly onChange: (words: string) => void
  readonly listId: string
}): ReactNode => {
  const messages = useMessages(threadListMessages)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === "Escape" && words !== "") {
      event.preventDefault()
      onChange("")
    } else if (event.key === "ArrowDown" || event.key === "Enter") {
      const first = document.getElementById(listId)?.querySelector("a")
      event.preventDefault()
      if (event.key === "Enter" && words !== "") first?.click()
      else first?.focus()
    }
  }
  return (
    <label className={style.search}>
      <Icon name="search" />
      <VisuallyHidden>{messages.search}</VisuallyHidden>
      <input
        ref={field}
        type="search"
        dir="auto"
        autoComplete="off"
        aria-controls={listId}
        placeholder={messages.search}
        value={words}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  )
}

const Section = ({ note, open, tabStop, threads, title }: {
  readonly title: string
  readonly threads: ReadonlyArray<ThreadSummary>
  /** Shown in place of no rows. */
  readonly note: string
  readonly open: TopicId | undefined
  readonly tabStop: string | undefined
}): ReactNode => {
  const headingId = useId()
  return (
    <section aria-labelledby={headingId}>
      <h2 className={style.heading} id={headingId}>{title}</h2>
      {threads.length === 0 ? <p className={style.note}>{note}</p> : (
        <ul>
          {threads.map((thread) => (
            <ThreadRow
              key={thread.thread_id}
              thread={thread}
              isOpen={thread.thread_id === open}
              isTabStop={thread.thread_id === tabStop}
            />
          ))}
        </ul>
      )}
    </section>
  )
}
